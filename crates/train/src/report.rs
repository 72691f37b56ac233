//! `report.html`: a run and its analysis enter, one self-contained page leaves that a person opens in a browser. Charts
//! are inline SVG; there are no scripts and nothing is fetched. Dark and light follow the reader's system, print is light.

mod chart;
mod comparison;
mod scatter;
mod sections;

use std::path::Path;

use maud::{DOCTYPE, PreEscaped, html};
use slirec_core::files::{self, FileError};

use crate::analysis::Analysis;
use crate::hyperparameters::Hyperparameters;
use crate::run::{EpochMetrics, RunRecord};

/// Name of the page in a run directory.
pub const REPORT: &str = "report.html";

const STYLE: &str = include_str!("report/style.css");

/// Everything that the page tells.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Name of the run.
    pub name: &'a str,
    /// How far it came.
    pub record: &'a RunRecord,
    /// What it was told.
    pub hyperparameters: &'a Hyperparameters,
    /// Its metrics after each epoch.
    pub epochs: &'a [EpochMetrics],
    /// How it fares on rows that it has not seen.
    pub analysis: &'a Analysis,
    /// SHA-256 of the program that trained it.
    pub program_sha256: &'a str,
}

impl Report<'_> {
    /// Writes the page into a run directory.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), FileError> {
        files::write_aside(&directory.join(REPORT), self.render().as_bytes())
    }

    /// The page.
    pub fn render(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { "slirec: " (self.name) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        (sections::summary(self))
                        (sections::learning(self.epochs, self.record.best_epoch))
                        (comparison::comparison(self.analysis))
                        (sections::samples(self.analysis))
                        @if !self.analysis.calibration.is_empty() { (sections::calibration(self.analysis)) }
                        (sections::popularity(self.analysis))
                        (sections::breakdowns(self.analysis))
                        (sections::attention(self.analysis))
                        (sections::settings(self))
                    }
                }
            }
        };
        page.into_string()
    }
}
