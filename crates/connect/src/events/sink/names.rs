//! Names of users, items and categories: what cannot be one is refused, what was damaged or misleads is counted.

use super::{Sink, shown};
use crate::events::counts::LONGEST_NAME;
use crate::events::problem::Problem;

/// Zero-width spaces, the soft hyphen and the byte order mark; joiners are left out, as scripts and emoji need them.
const INVISIBLE: [char; 4] = ['\u{200b}', '\u{2060}', '\u{ad}', '\u{feff}'];

impl Sink<'_> {
    /// Counts names that look like others, or like what they were before another program read them.
    pub(super) fn notice_name(&mut self, name: &str) {
        if name.is_ascii() {
            return;
        }
        if name.contains(char::REPLACEMENT_CHARACTER) {
            self.counts.damaged_names.add(self.file.0, self.row, || shown(name));
        }
        if name.contains(INVISIBLE) {
            let name = || name.escape_default().to_string();
            self.counts.invisible_names.add(self.file.0, self.row, || shown(&name()));
        }
    }
}

/// Refuses names that files of interactions cannot hold.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), Problem> {
    if name.len() > LONGEST_NAME {
        return Err(format!("{what} has {} bytes: expected at most {LONGEST_NAME}", name.len()).into());
    }
    // To its end in every case: so it is done many bytes at once.
    if name.bytes().fold(false, |found, byte| found | byte.is_ascii_control()) {
        let name = shown(name);
        return Err(format!("{what} is {name:?}: expected no tabs, line ends or other control characters").into());
    }
    Ok(())
}
