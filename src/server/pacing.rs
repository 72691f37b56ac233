//! When the next request of a connection is looked at: refusals enter, how long to hold the request leaves.
//!
//! A client that asks again at once after a refusal, against its `Retry-After`, would have the processor refuse instead
//! of answer. Its next request is held, longer from refusal to refusal; an answer takes half of that back, or as many
//! clients as are answered would begin anew. Clients that wait, and pools whose connections carry the requests of many,
//! are never held.

use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use axum::response::Response;

/// A client that asks again so soon has not waited.
const AT_ONCE: Duration = Duration::from_millis(50);
const FIRST_HOLD: Duration = Duration::from_millis(25);
/// The hold doubles so many times: to 400 ms, less than half of what `Retry-After` asks for.
const DOUBLINGS: u32 = 4;

/// What a connection was answered last.
#[derive(Debug, Default)]
pub(super) struct Pacing {
    /// When it was refused; none when it was answered.
    refused: Option<Instant>,
    /// Refusals after which the client asked again at once, half of them for each answer since.
    impatience: u32,
}

impl Pacing {
    /// How long the request that has come is held.
    pub(super) fn hold(&mut self, now: Instant) -> Duration {
        let Some(refused) = self.refused else {
            self.impatience /= 2;
            return Duration::ZERO;
        };
        if now.saturating_duration_since(refused) >= AT_ONCE {
            self.impatience = 0;
            return Duration::ZERO;
        }
        let hold = FIRST_HOLD * 2_u32.pow(self.impatience);
        self.impatience = (self.impatience + 1).min(DOUBLINGS);
        hold
    }

    /// An answer is there.
    pub(super) fn answered(&mut self, now: Instant, answer: &Response) {
        let refused =
            answer.status() == StatusCode::SERVICE_UNAVAILABLE && answer.headers().contains_key(header::RETRY_AFTER);
        self.refused = refused.then_some(now);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn refusal() -> Response {
        Response::builder().status(503).header("retry-after", "1").body(Body::empty()).unwrap()
    }

    #[test]
    fn a_client_that_asks_again_at_once_is_held_longer_and_longer() {
        let (mut pacing, mut now) = (Pacing::default(), Instant::now());
        let holds = [(); 7].map(|()| {
            let hold = pacing.hold(now);
            now += hold;
            pacing.answered(now, &refusal());
            now += MILLISECOND;
            hold.as_millis()
        });
        assert_eq!(holds, [0, 25, 50, 100, 200, 400, 400]);
    }

    #[test]
    fn a_client_that_waits_or_was_answered_is_not_held() {
        let (mut pacing, now) = (Pacing::default(), Instant::now());
        pacing.answered(now, &refusal());
        assert_eq!(pacing.hold(now + AT_ONCE), Duration::ZERO);
        pacing.answered(now, &refusal());
        assert_eq!(pacing.hold(now), FIRST_HOLD);
        pacing.answered(now, &Response::new(Body::empty()));
        assert_eq!(pacing.hold(now), Duration::ZERO);
    }

    #[test]
    fn an_answer_takes_back_half_of_the_steps_and_a_wait_all_of_them() {
        let (mut pacing, now) = (Pacing::default(), Instant::now());
        let mut holds = |answers: usize, wait: Duration| {
            for _ in 0..answers {
                pacing.answered(now, &Response::new(Body::empty()));
                pacing.hold(now);
            }
            pacing.answered(now, &refusal());
            pacing.hold(now + wait).as_millis()
        };
        let at_once = Duration::ZERO;
        assert_eq!([(); 5].map(|()| holds(0, at_once)), [25, 50, 100, 200, 400]);
        assert_eq!((holds(1, at_once), holds(2, at_once), holds(0, AT_ONCE), holds(0, at_once)), (100, 25, 0, 25));
    }
}
