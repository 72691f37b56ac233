//! The service under simulated time: a plan enters, what became of all requests leaves; invariants are checked at every
//! step.
//!
//! - Every request has exactly one end, and none is dropped while its answer is wanted.
//! - No answer comes after its deadline, and none from another model than the one that the request was given to.
//! - Requests of one priority leave in the order in which they came. Sessions of batches go before interactive requests
//!   only when they waited for the objective, and then they do. Only what waited for twice the objective is refused
//!   late, and never the last one.
//! - The requests that wait hold no more memory than the budget, and in the end none.
//! - A model that no longer serves answers what it has and ends.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::TryRecvError;

use super::agenda::{Agenda, Event, Reading};
use super::drawn::Drawn;
use super::plan::{Change, Plan};
use super::request::{End, Job, Memory, Request};
use crate::Priority;
use crate::intake::Intake;
use crate::overload::Overload;
use crate::queue::{Next, QueueReceiver, queue};

/// Memory of the smallest and the largest request.
const SIZES: (usize, usize) = (1, 20);

/// A model with its workers.
struct Model {
    receiver: QueueReceiver<Job>,
    overload: Arc<Overload>,
    idle: usize,
    work: Duration,
    /// What waits, as it came: interactive requests, sessions of batches.
    waiting: [VecDeque<(Instant, usize)>; 2],
}

/// See the [module](self).
pub(super) struct World {
    plan: Plan,
    drawn: Drawn,
    start: Instant,
    agenda: Agenda,
    /// Calls that are being read.
    reading: usize,
    models: Vec<Model>,
    /// The model in service, and the one before it; dropping the last intake of a model closes its queue.
    current: Option<(usize, Intake<Job>)>,
    previous: Option<(usize, Intake<Job>)>,
    requests: Vec<Request>,
    held: Rc<Cell<usize>>,
}

impl World {
    pub(super) fn new(plan: Plan, seed: u64) -> Self {
        let mut world = Self {
            drawn: Drawn::new(!seed),
            start: Instant::now(),
            agenda: Agenda::default(),
            reading: 0,
            models: Vec::new(),
            current: None,
            previous: None,
            requests: Vec::new(),
            held: Rc::default(),
            plan,
        };
        world.current = Some(world.load(1.0));
        let (start, phase) = (world.start, world.plan.phase);
        world.agenda.add(start, Event::Comes);
        for (at, change) in world.plan.changes.clone() {
            world.agenda.add(start + at, Event::Change(change));
        }
        world.agenda.add(start + phase * world.plan.phases.len() as u32, Event::Stop);
        world
    }

    /// Runs until nothing is left to happen: how many requests had which end.
    pub(super) fn run(mut self) -> BTreeMap<End, usize> {
        while let Some((now, event)) = self.agenda.next() {
            self.event(now, event);
            (0..self.models.len()).for_each(|model| self.begin_work(model, now));
            assert!(self.held.get() <= self.budget(), "{} of {} are held", self.held.get(), self.budget());
        }
        let mut ends = BTreeMap::new();
        for (number, request) in self.requests.iter().enumerate() {
            let end = request.end.get().unwrap_or_else(|| panic!("request {number} has no end"));
            *ends.entry(end).or_default() += 1;
        }
        for model in &self.models {
            assert_eq!(model.receiver.tickets().try_recv(), Err(TryRecvError::Disconnected), "a model does not end");
            assert_eq!(model.idle, self.plan.workers);
        }
        drop(self.models);
        assert_eq!(self.held.get(), 0, "memory is held in the end");
        ends
    }

    fn budget(&self) -> usize {
        self.plan.budget * SIZES.1
    }

    fn load(&mut self, factor: f64) -> (usize, Intake<Job>) {
        let (sender, receiver) = queue();
        let work = self.plan.work.mul_f64(factor);
        let estimate = work.mul_f64(self.plan.estimate);
        let overload = Arc::new(Overload::new(self.plan.queue_wait, self.plan.workers, estimate));
        let (idle, waiting) = (self.plan.workers, Default::default());
        self.models.push(Model { receiver, overload: Arc::clone(&overload), idle, work, waiting });
        (self.models.len() - 1, Intake::new(sender, overload))
    }

    fn event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Comes => self.comes(now),
            Event::Read(reading) => self.submit(now, reading),
            Event::Deadline(number) => self.end(number, End::TooLate),
            Event::Leaves(number) => self.end(number, End::Left),
            Event::Done { model, job, took } => self.done(now, model, &job, took),
            Event::Wake => {}
            Event::Change(Change::Reload(factor)) if self.current.is_some() => {
                let loaded = self.load(factor);
                self.previous = self.current.replace(loaded);
            }
            Event::Change(Change::Rollback) if self.previous.is_some() => {
                std::mem::swap(&mut self.current, &mut self.previous);
            }
            Event::Change(_) => {}
            // What is being read is still answered: the service waits for its calls.
            Event::Stop if self.reading > 0 => self.agenda.add(now + self.plan.work, Event::Stop),
            Event::Stop => (self.current, self.previous) = (None, None),
        }
    }

    fn comes(&mut self, now: Instant) {
        let phase = (now - self.start).as_secs_f64() / self.plan.phase.as_secs_f64();
        let Some(load) = self.plan.phases.get(phase as usize) else { return };
        let apart = self.plan.work.div_f64(self.plan.workers as f64 * load);
        let next = now + self.drawn.gap(apart);
        self.agenda.add(next, Event::Comes);
        let number = self.requests.len();
        let (shortest, longest) = self.plan.deadlines;
        let deadline = now + self.plan.work.mul_f64(self.drawn.magnitude(shortest, longest));
        let priority = if self.drawn.is(self.plan.batches) { Priority::Batch } else { Priority::Interactive };
        let memory = Memory::new(&self.held, self.drawn.count(SIZES.0, SIZES.1), self.budget());
        let fits = memory.is_some();
        self.requests.push(Request {
            priority,
            deadline,
            model: None,
            end: Rc::default(),
            queued: Rc::default(),
            memory,
        });
        let intake = self.current.as_ref().filter(|_| fits);
        let admission = intake.and_then(|(_, intake)| intake.admit(priority, deadline - now, Job::is_waiting).ok());
        let Some(admission) = admission else { return self.end(number, End::Refused) };
        self.agenda.add(deadline, Event::Deadline(number));
        if self.drawn.is(self.plan.leaving) {
            let left = (deadline - now).mul_f64(self.drawn.share());
            self.agenda.add(now + left, Event::Leaves(number));
        }
        self.reading += 1;
        let read = now + self.plan.work.mul_f64(0.2 * self.drawn.share());
        self.agenda.add(read, Event::Read(Reading { number, _admission: admission }));
    }

    /// The handler of a call whose client has left is dropped, and submits nothing.
    fn submit(&mut self, now: Instant, Reading { number, _admission }: Reading) {
        self.reading -= 1;
        let (model, intake) = self.current.as_ref().expect("the service waits for its calls");
        let request = &mut self.requests[number];
        if request.end.get().is_some() {
            return;
        }
        request.model = Some(*model);
        request.queued.set(true);
        let (end, queued, memory) = (Rc::clone(&request.end), Rc::clone(&request.queued), request.memory.clone());
        self.models[*model].waiting[usize::from(request.priority == Priority::Batch)].push_back((now, number));
        intake.submit(now, request.priority, Job { number, end, queued, _memory: memory });
    }

    /// The first end counts; what a deadline or a client ended before is over.
    fn end(&mut self, number: usize, end: End) {
        let request = &mut self.requests[number];
        if request.end.get().is_none() {
            request.end.set(Some(end));
            request.memory = None;
        }
    }

    fn begin_work(&mut self, model: usize, now: Instant) {
        if let Some(end) = self.pause_at(now) {
            return self.agenda.add(end, Event::Wake);
        }
        while self.models[model].idle > 0 && self.models[model].receiver.tickets().try_recv().is_ok() {
            let Model { receiver, overload, .. } = &self.models[model];
            let objective = overload.objective().unwrap_or(Duration::MAX);
            match receiver.take(now, overload) {
                Some(Next::Answer(since, job)) => {
                    self.taken(model, now, objective, job.number, false);
                    assert_eq!(self.requests[job.number].model, Some(model));
                    let deadline = self.requests[job.number].deadline;
                    if job.is_waiting() {
                        assert!(since <= now && now <= deadline);
                        match self.models[model].overload.is_hopeless(deadline - now) {
                            true => self.end(job.number, End::RefusedLate),
                            false => self.work_on(model, now, job),
                        }
                    }
                }
                Some(Next::Refuse(job)) => {
                    self.taken(model, now, objective, job.number, true);
                    self.end(job.number, End::RefusedLate);
                }
                None => {}
            }
        }
    }

    fn work_on(&mut self, model: usize, now: Instant, job: Job) {
        let Model { idle, work, .. } = &mut self.models[model];
        *idle -= 1;
        let spread = 1.0 + self.plan.spread * (2.0 * self.drawn.share() - 1.0);
        let stalled = if self.drawn.is(self.plan.stalls) { 20.0 } else { 1.0 };
        let mut took = work.mul_f64(spread * stalled);
        for (at, pause) in &self.plan.pauses {
            let at = self.start + *at;
            took += if now <= at && at < now + took { *pause } else { Duration::ZERO };
        }
        self.agenda.add(now + took, Event::Done { model, job, took });
    }

    fn pause_at(&self, now: Instant) -> Option<Instant> {
        let pauses = self.plan.pauses.iter().map(|(at, pause)| (self.start + *at, self.start + *at + *pause));
        pauses.into_iter().filter(|(begin, end)| *begin <= now && now < *end).map(|(_, end)| end).max()
    }

    /// Checks what left the queue against what waited there.
    fn taken(&mut self, model: usize, now: Instant, objective: Duration, number: usize, refused: bool) {
        let is_batch = self.requests[number].priority == Priority::Batch;
        let [interactive, batch] = &mut self.models[model].waiting;
        for waiting in [&mut *interactive, &mut *batch] {
            // Requests whose answers are no longer wanted left the queue when another one asked to be admitted.
            while waiting.pop_front_if(|(_, number)| !self.requests[*number].queued.get()).is_some() {}
        }
        let due = batch.front().is_some_and(|(since, _)| now - *since > objective);
        assert_eq!(is_batch, due || interactive.is_empty(), "request {number} is not the one that is next");
        self.requests[number].queued.set(false);
        let (since, next) =
            if is_batch { batch } else { &mut *interactive }.pop_front().expect("what leaves the queue waited in it");
        assert_eq!(next, number, "a request overtook another");
        let late = objective.checked_mul(2).is_some_and(|twice| now - since > twice);
        let others = interactive.iter().any(|(_, number)| self.requests[*number].queued.get());
        assert_eq!(refused, !is_batch && late && others, "request {number}");
    }

    fn done(&mut self, now: Instant, model: usize, job: &Job, took: Duration) {
        let number = job.number;
        self.models[model].idle += 1;
        self.models[model].overload.worked(took);
        let request = &self.requests[number];
        assert_eq!(request.model, Some(model), "request {number} is answered by another model");
        assert_ne!(request.end.get(), Some(End::Answered), "request {number} is answered twice");
        if request.end.get().is_none() {
            assert!(now <= request.deadline, "request {number} is answered after its deadline");
        }
        self.end(number, End::Answered);
    }
}
