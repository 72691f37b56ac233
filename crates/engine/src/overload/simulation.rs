//! The rule and the queue under simulated time: clients and workers enter, how many requests were answered and refused
//! leaves. No thread, no clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::Overload;
use crate::Priority;
use crate::queue::{Next, QueueReceiver, QueueSender, queue};

const WORK: Duration = Duration::from_micros(500);
const OBJECTIVE: Duration = Duration::from_millis(50);
const DEADLINE: Duration = Duration::from_secs(10);
const WORKERS: usize = 2;
/// Requests a second that the workers answer.
const CAPACITY: f64 = 4_000.0;

/// What happens next, by its time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A request comes; of a client that asks again once it is answered, if there is one.
    Comes { closed_loop: bool },
    /// A worker has answered.
    Done { closed_loop: bool },
}

#[derive(Debug, Default)]
struct Outcome {
    answered: usize,
    refused: usize,
    longest_wait: Duration,
}

struct Simulation {
    sender: QueueSender<bool>,
    receiver: QueueReceiver<bool>,
    overload: Overload,
    events: BinaryHeap<Reverse<(Instant, usize, Event)>>,
    scheduled: usize,
    idle: usize,
    /// What a client waits after a refusal.
    after_refusal: Duration,
}

impl Simulation {
    fn new(after_refusal: Duration) -> Self {
        let (sender, receiver) = queue();
        let overload = Overload::new(Some(OBJECTIVE), WORKERS, WORK);
        Self { sender, receiver, overload, events: BinaryHeap::new(), scheduled: 0, idle: WORKERS, after_refusal }
    }

    fn schedule(&mut self, at: Instant, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse((at, self.scheduled, event)));
    }

    /// Runs what comes before `end`.
    fn run(&mut self, end: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        while self.events.peek().is_some_and(|Reverse((at, ..))| *at < end) {
            let Some(Reverse((now, _, event))) = self.events.pop() else { break };
            match event {
                Event::Comes { closed_loop } => {
                    if self.overload.admits(self.sender.lengths().0, DEADLINE) {
                        self.sender.push(now, Priority::Interactive, closed_loop);
                    } else {
                        self.refused(now, closed_loop, &mut outcome);
                    }
                }
                Event::Done { closed_loop } => {
                    self.overload.worked(WORK);
                    self.idle += 1;
                    outcome.answered += 1;
                    if closed_loop {
                        self.schedule(now, Event::Comes { closed_loop });
                    }
                }
            }
            self.begin_work(now, &mut outcome);
        }
        outcome
    }

    fn begin_work(&mut self, now: Instant, outcome: &mut Outcome) {
        while self.idle > 0 && self.receiver.tickets().try_recv().is_ok() {
            match self.receiver.take(now, &self.overload) {
                Some(Next::Answer(since, closed_loop)) => {
                    self.idle -= 1;
                    outcome.longest_wait = outcome.longest_wait.max(now - since);
                    self.schedule(now + WORK, Event::Done { closed_loop });
                }
                Some(Next::Refuse(closed_loop)) => self.refused(now, closed_loop, outcome),
                None => {}
            }
        }
    }

    fn refused(&mut self, now: Instant, closed_loop: bool, outcome: &mut Outcome) {
        outcome.refused += 1;
        if closed_loop {
            self.schedule(now + self.after_refusal, Event::Comes { closed_loop });
        }
    }

    /// Requests that come evenly, whatever becomes of them.
    fn offer(&mut self, from: Instant, seconds: u32, rate: f64) {
        let count = (rate * f64::from(seconds)) as u32;
        for number in 0..count {
            self.schedule(
                from + Duration::from_secs_f64(f64::from(number) / rate),
                Event::Comes { closed_loop: false },
            );
        }
    }
}

fn clients(count: usize) -> Outcome {
    let (mut simulation, start) = (Simulation::new(Duration::from_micros(200)), Instant::now());
    (0..count).for_each(|_| simulation.schedule(start, Event::Comes { closed_loop: true }));
    simulation.run(start + Duration::from_secs(2))
}

#[test]
fn clients_that_fit_the_objective_are_never_refused_and_more_of_them_never_lower_the_goodput() {
    for count in [1, 2, 4, 8, 16, 32, 64, 128, 200] {
        let outcome = clients(count);
        assert_eq!(outcome.refused, 0, "{count} clients: {outcome:?}");
        let expected = 2.0 * CAPACITY * (count.min(WORKERS) as f64 / WORKERS as f64);
        assert!(outcome.answered as f64 >= 0.99 * expected - count as f64, "{count} clients: {outcome:?}");
    }
    for count in [256, 512, 2_048] {
        let outcome = clients(count);
        assert!(outcome.answered as f64 >= 0.99 * 2.0 * CAPACITY - 256.0, "{count} clients: {outcome:?}");
        assert!(outcome.longest_wait <= OBJECTIVE + WORK, "{count} clients: {outcome:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn an_overload_is_answered_at_capacity_in_time_and_leaves_nothing_behind(
        over in 1.05_f64..5.0,
        after in 0.3_f64..0.95,
    ) {
        let (mut simulation, start) = (Simulation::new(Duration::ZERO), Instant::now());
        let (end, settled) = (start + Duration::from_secs(3), start + Duration::from_secs(4));
        simulation.offer(start, 3, over * CAPACITY);
        let overloaded = simulation.run(end);
        prop_assert!(overloaded.answered as f64 >= 0.99 * 3.0 * CAPACITY - 256.0, "{overloaded:?}");
        prop_assert!(overloaded.longest_wait <= OBJECTIVE + WORK, "{overloaded:?}");
        simulation.offer(end, 3, after * CAPACITY);
        simulation.run(settled);
        let calm = simulation.run(settled + Duration::from_secs(2));
        prop_assert_eq!(calm.refused, 0);
    }
}
