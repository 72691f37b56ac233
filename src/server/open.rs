//! The open connections of one address. Connections enter as they are accepted; when there are as many as may be, the
//! one that has waited longest for its client leaves, so that a new one always gets in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::activity::Activity;

/// Connections beyond the limit, which are served nothing but health: they are let in while all others are being
/// answered.
pub(super) const FOR_HEALTH: usize = 32;

/// What a connection is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Order {
    /// Serve one request after the other.
    Serve = 0,
    /// Answer what is there or on its way, then close.
    Finish = 1,
    /// Close now, if nothing is being answered: its place has been given away.
    Leave = 2,
}

/// An open connection, as it is seen from outside of it.
#[derive(Debug)]
struct Slot {
    activity: Activity,
    order: AtomicU8,
    ordered: Notify,
}

impl Slot {
    fn give(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::Relaxed);
        self.ordered.notify_one();
    }
}

/// Open connections of one address.
#[derive(Debug)]
pub(super) struct OpenConnections {
    most: usize,
    connections: Mutex<Connections>,
    /// Each open connection holds a receiver.
    all: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Connections {
    /// By the number of their coming.
    slots: BTreeMap<u64, Arc<Slot>>,
    next: u64,
    stopping: bool,
}

/// What came of a new connection.
pub(super) enum Admission {
    /// It has a place.
    Admitted(Place),
    /// It has the place of another connection, which is closed.
    Replaced(Place),
    /// There is no place for it.
    Refused,
}

impl OpenConnections {
    /// At most so many at a time.
    pub(super) fn new(most: usize) -> Self {
        Self { most, connections: Mutex::default(), all: watch::Sender::new(()) }
    }

    /// Finds a place for a new connection.
    pub(super) fn admit(self: &Arc<Self>) -> Admission {
        let mut connections = self.connections();
        let replaced = connections.slots.len() >= self.most && connections.give_away();
        let (open, limit) = (connections.slots.len(), self.most);
        if open >= limit + FOR_HEALTH {
            return Admission::Refused;
        }
        let (number, activity) = (connections.next, Activity::new());
        let order = if connections.stopping { Order::Finish } else { Order::Serve };
        let slot = Slot { activity, order: AtomicU8::new(order as u8), ordered: Notify::new() };
        let slot = Arc::new(slot);
        connections.next += 1;
        connections.slots.insert(number, Arc::clone(&slot));
        drop(connections);
        let place =
            Place { open: Arc::clone(self), number, slot, only_health: open >= limit, _open: self.all.subscribe() };
        if replaced { Admission::Replaced(place) } else { Admission::Admitted(place) }
    }

    /// Closes the connection that has waited longest for its client, as when file descriptors have run out. False when
    /// there is none.
    pub(super) fn give_away(&self) -> bool {
        self.connections().give_away()
    }

    /// Has all connections, and those that are still to come, finish.
    pub(super) fn stop(&self) {
        let mut connections = self.connections();
        connections.stopping = true;
        connections.slots.values().for_each(|slot| slot.give(Order::Finish));
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.connections().slots.len()
    }

    /// Waits until there is none.
    pub(super) async fn closed(&self) {
        self.all.closed().await;
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        // Nothing in here panics halfway.
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    fn give_away(&mut self) -> bool {
        let waiting = self.slots.iter().filter_map(|(number, slot)| Some((slot.activity.waits_since()?, *number)));
        let Some((_, longest)) = waiting.min() else { return false };
        if let Some(slot) = self.slots.remove(&longest) {
            slot.give(Order::Leave);
        }
        true
    }
}

/// A connection's place among the open ones, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    open: Arc<OpenConnections>,
    number: u64,
    slot: Arc<Slot>,
    /// Nothing but health is to be served.
    pub(super) only_health: bool,
    _open: watch::Receiver<()>,
}

impl Place {
    /// What the connection is doing.
    pub(super) fn activity(&self) -> &Activity {
        &self.slot.activity
    }

    /// What it is to do.
    pub(super) fn order(&self) -> Order {
        match self.slot.order.load(Ordering::Relaxed) {
            0 => Order::Serve,
            1 => Order::Finish,
            _ => Order::Leave,
        }
    }

    /// Waits for another order.
    pub(super) async fn ordered(&self) {
        self.slot.ordered.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.connections().slots.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    fn place(open: &Arc<OpenConnections>) -> Place {
        match open.admit() {
            Admission::Admitted(place) | Admission::Replaced(place) => place,
            Admission::Refused => panic!("there is no place"),
        }
    }

    #[test]
    fn the_connection_that_has_waited_longest_for_its_client_gives_way() {
        let open = Arc::new(OpenConnections::new(3));
        let (first, second, third) = (place(&open), place(&open), place(&open));
        sleep(Duration::from_millis(3));
        // The first one is answered, and then waits since a moment only.
        drop(first.activity().request(true));
        let busy = second.activity().request(false);
        assert!(matches!(open.admit(), Admission::Replaced(_)));
        assert_eq!([&first, &second, &third].map(Place::order), [Order::Serve, Order::Serve, Order::Leave]);
        drop(busy);
        assert_eq!(open.count(), 2);
    }

    #[test]
    fn while_all_are_answered_some_more_are_let_in_for_health_and_then_none() {
        let open = Arc::new(OpenConnections::new(2));
        let served = [place(&open), place(&open)];
        let _requests = served.each_ref().map(|place| place.activity().request(false));
        let more = [(); FOR_HEALTH].map(|()| {
            let place = place(&open);
            assert!(place.only_health);
            (place.activity().request(false), place)
        });
        assert!(matches!(open.admit(), Admission::Refused));
        drop(more);
        assert_eq!(served.map(|place| place.order()), [Order::Serve; 2]);
    }

    #[tokio::test]
    async fn after_a_stop_new_connections_finish_too_and_their_end_is_waited_for() {
        let open = Arc::new(OpenConnections::new(2));
        let first = place(&open);
        open.stop();
        let second = place(&open);
        assert_eq!((first.order(), second.order()), (Order::Finish, Order::Finish));
        first.ordered().await;
        drop((first, second));
        open.closed().await;
    }
}
