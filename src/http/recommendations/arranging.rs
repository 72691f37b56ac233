//! The shop's rules in a request: questions with wishes enter, questions whose products are narrowed and arranged leave.
//! What is not at hand is computed away from the async threads.

use std::sync::Arc;

use slirec_merchandising::{Arranged, Wish, WishError};

use super::names::Warning;
use super::requests::Question;
use super::ruled::Ruled;
use crate::http::error::ApiError;
use crate::serving::Served;
use crate::state::AppState;

/// Narrows and arranges the products of some questions.
///
/// # Errors
/// The place of the first question whose wishes cannot be met, and why.
pub(super) async fn arranged(
    state: &AppState,
    served: &Arc<Served>,
    mut questions: Vec<Question>,
) -> Result<Vec<Question>, (usize, ApiError)> {
    let wishes: Vec<(usize, Wish)> =
        questions.iter_mut().enumerate().filter_map(|(place, question)| Some((place, question.wish.take()?))).collect();
    if wishes.is_empty() {
        return Ok(questions);
    }
    let at_hand = wishes.iter().all(|(_, wish)| served.merchandising.is_at_hand(wish));
    let arrange = {
        let served = Arc::clone(served);
        move || wishes.into_iter().map(|(place, wish)| (place, served.merchandising.arrange(&wish), wish)).collect()
    };
    let found: Vec<(usize, Result<Arranged, WishError>, Wish)> = match at_hand {
        true => arrange(),
        false => tokio::task::spawn_blocking(arrange).await.map_err(|error| {
            tracing::error!(%error, "arranging failed");
            (0, ApiError::internal())
        })?,
    };
    for (place, arranged, wish) in found {
        let arranged = arranged.map_err(|error| (place, ApiError::bad_request(error.to_string())))?;
        if let Some(found) = arranged.filter {
            state.metrics.filtered(found, arranged.allowed.as_deref());
        }
        if let Some(question) = questions.get_mut(place) {
            question.apply(arranged, wish);
        }
    }
    Ok(questions)
}

impl Question {
    fn apply(&mut self, arranged: Arranged, wish: Wish) {
        let Arranged { allowed, arrangement, sources, filter: _, out_of_effect } = arranged;
        self.request.selection.allowed = allowed;
        if let Some(sources) = sources.filter(|_| self.follows_sources) {
            self.request.sources = sources;
        }
        self.request.arrangement = arrangement.clone();
        if out_of_effect {
            self.echo.warnings.push(Warning::new("scenario", "is not in effect now: its rules do not apply"));
        }
        let scenario = wish.scenario.filter(|_| !out_of_effect);
        self.echo.ruled = Some(Ruled { scenario, viewed: wish.viewed, now: wish.now, arrangement });
    }
}
