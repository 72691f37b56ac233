//! What must hold in every order: each function makes something that threads share, has a few of them use it, and asserts.

use std::time::{Duration, Instant};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::activity::{Activity, Phase};
use crate::blocks::Blocks;
use crate::budget::{MemoryBudget, Reservation};
use crate::overload::Overload;
use crate::queue::{Next, Priority, QueueReceiver, queue};

/// Workers that take blocks until none is left, the last of them late: each row is found once, and one worker learns that
/// all blocks are done, when everything is merged.
pub(crate) fn blocks() {
    let blocks = Arc::new(Blocks::new(3, 1, Vec::new()));
    let work = |blocks: &Blocks<Vec<usize>>| {
        let (mut found, mut taken) = (Vec::new(), 0);
        while let Some(rows) = blocks.take() {
            found.extend(rows);
            taken += 1;
        }
        let all_are_done = blocks.merge(taken, |merged| merged.append(&mut found));
        if all_are_done {
            let mut merged = blocks.found(Vec::new());
            merged.sort_unstable();
            assert_eq!(merged, [0, 1, 2]);
        }
        usize::from(all_are_done)
    };
    let other = Arc::clone(&blocks);
    let other = thread::spawn(move || work(&other));
    let learned = work(&blocks) + other.join().expect("the other worker");
    assert_eq!(learned, 1);
}

fn overload() -> Overload {
    Overload::new(Some(Duration::from_secs(1_000)), 2, Duration::from_millis(1))
}

/// A request that knows how often it was answered, and how often it was dropped.
struct Request(Arc<[AtomicUsize; 2]>);

impl Request {
    fn answer(self) {
        self.0[0].fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0[1].fetch_add(1, Ordering::SeqCst);
    }
}

fn counts() -> Arc<[AtomicUsize; 2]> {
    Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)])
}

fn counted(counts: &[AtomicUsize; 2]) -> [usize; 2] {
    [counts[0].load(Ordering::SeqCst), counts[1].load(Ordering::SeqCst)]
}

/// What the engine's worker does, until the queue is closed and empty.
fn work(receiver: &QueueReceiver<Request>) {
    while receiver.tickets().recv().is_ok() {
        answer_one(receiver);
    }
}

fn answer_one(receiver: &QueueReceiver<Request>) {
    match receiver.take(Instant::now(), &overload()) {
        Some(Next::Answer(_, request) | Next::Refuse(request)) => request.answer(),
        None => {}
    }
}

/// Two who send, two who work: each request is answered once.
pub(crate) fn queue_with_workers() {
    let (sender, receiver) = queue();
    let (first, second) = (counts(), counts());
    let other_worker = thread::spawn({
        let receiver = receiver.clone();
        move || work(&receiver)
    });
    let other_sender = thread::spawn({
        let (sender, second) = (sender.clone(), Arc::clone(&second));
        move || sender.push(Instant::now(), Priority::Batch, Request(second))
    });
    sender.push(Instant::now(), Priority::Interactive, Request(Arc::clone(&first)));
    drop(sender);
    work(&receiver);
    other_sender.join().expect("the other who sends");
    other_worker.join().expect("the other worker");
    assert_eq!((counted(&first), counted(&second)), ([1, 1], [1, 1]));
}

/// A worker that ends after one request while another comes: whatever is not answered is dropped, so that its client
/// learns it, although the queue is still open.
pub(crate) fn queue_whose_worker_ends() {
    let (sender, receiver) = queue();
    let (first, second) = (counts(), counts());
    let worker = thread::spawn(move || {
        if receiver.tickets().recv().is_ok() {
            answer_one(&receiver);
        }
    });
    sender.push(Instant::now(), Priority::Interactive, Request(Arc::clone(&first)));
    sender.push(Instant::now(), Priority::Interactive, Request(Arc::clone(&second)));
    worker.join().expect("the worker");
    assert_eq!(counted(&first), [1, 1]);
    assert_eq!((counted(&second)[1], sender.lengths()), (1, (0, 0)));
}

/// Requests whose clients have left are taken out while a worker takes: each is dropped once, and the other is answered.
pub(crate) fn queue_whose_clients_leave() {
    let (sender, receiver) = queue();
    let (left, stays) = (counts(), counts());
    sender.push(Instant::now(), Priority::Interactive, Request(Arc::clone(&left)));
    sender.push(Instant::now(), Priority::Interactive, Request(Arc::clone(&stays)));
    let worker = thread::spawn(move || work(&receiver));
    sender.retain(Priority::Interactive, |request| Arc::ptr_eq(&request.0, &stays));
    drop(sender);
    worker.join().expect("the worker");
    assert_eq!((counted(&left)[1], counted(&stays)), (1, [1, 1]));
}

/// One request that grows and shrinks from two threads beside another: together never more than there is.
pub(crate) fn budget() {
    let budget = Arc::new(MemoryBudget::new(100));
    let shared = Arc::new(Reservation::new(&budget));
    let other = thread::spawn({
        let shared = Arc::clone(&shared);
        move || shared.shrink_to(10)
    });
    let beside = thread::spawn({
        let budget = Arc::clone(&budget);
        move || {
            let reservation = Reservation::new(&budget);
            reservation.grow(60).is_ok()
        }
    });
    let grown = shared.grow(50).is_ok();
    beside.join().expect("the request beside");
    other.join().expect("the other thread");
    // The other request is over: all is left but what this one holds, which is 10 at least if it grew first.
    let rest = Reservation::new(&budget);
    assert!(rest.grow(100 - if grown { 50 } else { 0 }).is_ok());
    drop(rest);
    drop(shared);
    let whole = Reservation::new(&budget);
    assert!(whole.grow(100).is_ok());
    assert!(Reservation::new(&budget).grow(1).is_err());
}

/// The answer and the body of a request end in threads of their own, while the next bytes come.
pub(crate) fn activity() {
    let activity = Activity::new();
    activity.bytes_came();
    let answer = activity.request(true);
    let body = Arc::clone(&answer);
    let reading = thread::spawn(move || {
        body.is_read();
        drop(body);
    });
    drop(answer);
    reading.join().expect("who reads the body");
    assert_eq!(activity.phase(), Phase::Idle);
    // What happens late to this request changes nothing of the next one.
    let earlier = activity.request(true);
    assert!(!activity.bytes_came());
    let late = thread::spawn(move || {
        earlier.is_read();
        drop(earlier);
    });
    let next = activity.request(false);
    late.join().expect("who reads late");
    assert_eq!(activity.phase(), Phase::Busy);
    drop(next);
    assert_eq!(activity.phase(), Phase::Idle);
}
