//! Places for what is under way to many targets, so that nobody waits for a slow one: each has few at a time, one of which nothing is known
//! yet still fewer, one that failed last or is slow a single one; and what is under way for long gives its place to others.

use std::collections::HashMap;
use std::hash::Hash;

/// How many targets are remembered; those to which nothing is under way are forgotten first, and of them those that do well.
const REMEMBERED: usize = 4_000;

/// How many places there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// For what is not slow, in all.
    pub(super) quick_max: usize,
    /// For what is slow, in all.
    pub(super) slow_max: usize,
    /// To one target.
    pub(super) per_target: i64,
    /// To one of which nothing is known yet: many that hang must not take all places before it shows.
    pub(super) untried: i64,
}

/// How much room a target has of which something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room<K> {
    /// Which.
    pub(super) target: K,
    /// For how much more there is room.
    pub(super) room: i64,
    /// Whether nothing is under way to it.
    pub(super) idle: bool,
}

/// What is under way to one target.
#[derive(Debug, Default)]
struct Load {
    in_flight: i64,
    slow: i64,
    health: Health,
}

/// How the last attempt went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Health {
    /// There was none, or it was slow.
    #[default]
    Untried,
    /// Quickly, and without a failure.
    Well,
    /// It failed.
    Ailing,
}

/// What is under way.
#[derive(Debug)]
pub(super) struct Places<K> {
    limits: Limits,
    loads: HashMap<K, Load>,
    in_flight: usize,
    slow: usize,
    reserved: usize,
}

impl<K: Copy + Eq + Hash> Places<K> {
    /// With nothing under way.
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, loads: HashMap::new(), in_flight: 0, slow: 0, reserved: 0 }
    }

    /// Something is under way now.
    pub(super) fn begin(&mut self, target: K) {
        self.in_flight = self.in_flight.saturating_add(1);
        let load = self.loads.entry(target).or_default();
        load.in_flight = load.in_flight.saturating_add(1);
    }

    /// Reserves a place for something that is on its way, unless the target is in trouble or has enough; answers whether it did.
    pub(super) fn reserve(&mut self, target: K) -> bool {
        let is_open = self
            .loads
            .get(&target)
            .is_none_or(|load| load.health != Health::Ailing && load.slow == 0 && load.in_flight < self.limits.most(load.health));
        let reserves = is_open && self.reservable() > 0;
        if reserves {
            self.expect(target);
        }
        reserves
    }

    /// Something is on its way, for which there was room.
    pub(super) fn expect(&mut self, target: K) {
        self.reserved = self.reserved.saturating_add(1);
        let load = self.loads.entry(target).or_default();
        load.in_flight = load.in_flight.saturating_add(1);
    }

    /// What a place was reserved for begins if there is one now; answers whether it did.
    pub(super) fn begin_reserved(&mut self) -> bool {
        let begins = self.free() > 0;
        if begins {
            self.reserved = self.reserved.saturating_sub(1);
            self.in_flight = self.in_flight.saturating_add(1);
        }
        begins
    }

    /// What a place was reserved for does not come.
    pub(super) fn give_back(&mut self, target: K) {
        self.reserved = self.reserved.saturating_sub(1);
        if let Some(load) = self.loads.get_mut(&target) {
            load.in_flight = load.in_flight.saturating_sub(1);
        }
    }

    /// It takes long.
    pub(super) fn slow(&mut self, target: K) {
        self.slow = self.slow.saturating_add(1);
        let load = self.loads.entry(target).or_default();
        load.slow = load.slow.saturating_add(1);
    }

    /// It is over.
    pub(super) fn over(&mut self, target: K, was_slow: bool, failed: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let load = self.loads.entry(target).or_default();
        load.in_flight = load.in_flight.saturating_sub(1);
        if was_slow {
            self.slow = self.slow.saturating_sub(1);
            load.slow = load.slow.saturating_sub(1);
        }
        load.health = match (failed, was_slow) {
            (true, _) => Health::Ailing,
            (false, true) => Health::Untried,
            (false, false) => Health::Well,
        };
        if load.in_flight == 0 && self.limits.most(load.health) == self.limits.untried && !failed {
            self.loads.remove(&target);
        }
        if self.loads.len() > REMEMBERED {
            self.loads.retain(|_, load| load.in_flight > 0 || load.health == Health::Ailing);
        }
        if self.loads.len() > REMEMBERED {
            self.loads.retain(|_, load| load.in_flight > 0);
        }
    }

    /// How much is under way, slow or not, or on its way.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.saturating_add(self.reserved)
    }

    /// Whether nothing is under way to a target.
    pub(super) fn is_idle(&self, target: &K) -> bool {
        self.loads.get(target).is_none_or(|load| load.in_flight == 0)
    }

    /// How much more may begin: what is slow takes no place.
    pub(super) fn free(&self) -> usize {
        self.limits.quick_max.saturating_sub(self.in_flight.saturating_sub(self.slow))
    }

    /// How much more may be reserved: as many as there are places are on their way while those are taken.
    pub(super) fn reservable(&self) -> usize {
        self.limits.quick_max.saturating_sub(self.reserved)
    }

    /// The targets that have other room than those of which nothing is known, or something under way; those in trouble that are `shut`
    /// have none.
    pub(super) fn rooms(&self, shut: impl Fn(&K) -> bool) -> impl Iterator<Item = Room<K>> {
        let is_crowded = self.slow >= self.limits.slow_max;
        let limits = self.limits;
        self.loads.iter().filter_map(move |(target, load)| {
            let most = match load.health == Health::Ailing || load.slow > 0 {
                true if is_crowded || shut(target) => 0,
                true => 1,
                false => limits.most(load.health),
            };
            let room = most.saturating_sub(load.in_flight).max(0);
            let idle = load.in_flight == 0;
            (room != limits.untried || !idle).then_some(Room { target: *target, room, idle })
        })
    }
}

impl Limits {
    const fn most(self, health: Health) -> i64 {
        match health {
            Health::Well => self.per_target,
            Health::Untried | Health::Ailing => self.untried,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places<u8> {
        Places::new(Limits { quick_max: 4, slow_max: 2, per_target: 2, untried: 2 })
    }

    fn rooms(places: &Places<u8>) -> Vec<(u8, i64)> {
        let mut rooms: Vec<(u8, i64)> = places.rooms(|target| *target == 9).map(|room| (room.target, room.room)).collect();
        rooms.sort_unstable();
        rooms
    }

    #[test]
    fn what_is_slow_gives_its_place_away() {
        let mut places = places();
        for target in [1, 1, 2, 3] {
            places.begin(target);
        }
        assert_eq!((places.free(), rooms(&places)), (0, vec![(1, 0), (2, 1), (3, 1)]));
        places.slow(1);
        places.slow(2);
        assert_eq!((places.free(), places.in_flight()), (2, 4));
        // There are two slow ones: a target in trouble gets nothing more, and others do.
        places.over(3, false, true);
        assert_eq!((places.free(), rooms(&places)), (3, vec![(1, 0), (2, 0), (3, 0)]));
        places.over(2, true, true);
        assert_eq!((places.free(), rooms(&places)), (3, vec![(1, 0), (2, 1), (3, 1)]));
    }

    #[test]
    fn one_that_is_not_known_gets_few_places_until_it_did_well() {
        let mut places = Places::new(Limits { quick_max: 8, slow_max: 2, per_target: 4, untried: 1 });
        places.begin(1);
        assert_eq!(rooms(&places), [(1, 0)]);
        places.over(1, false, false);
        assert_eq!(rooms(&places), [(1, 4)]);
        places.begin(1);
        places.slow(1);
        assert_eq!(rooms(&places), [(1, 0)]);
        places.over(1, true, false);
        assert_eq!((rooms(&places), places.loads.len()), (vec![], 0), "it is as if nothing were known");
    }

    #[test]
    fn a_place_is_reserved_beside_those_that_are_taken_and_given_back_as_if_nothing_had_been() {
        let mut places = Places::new(Limits { quick_max: 3, slow_max: 2, per_target: 2, untried: 1 });
        assert!(places.reserve(1) && !places.reserve(1), "one at a time to one that is not known");
        places.give_back(1);
        assert!(places.is_idle(&1) && places.in_flight() == 0);
        assert!(places.reserve(1) && places.begin_reserved());
        places.over(1, false, false);
        assert!(places.reserve(1) && places.reserve(1) && !places.reserve(1), "one that did well gets what there is for one");
        assert!(places.reserve(2) && !places.reserve(3), "as much is on its way as there are places");
        assert!(places.begin_reserved() && places.begin_reserved() && places.begin_reserved());
        assert!(places.reserve(3) && !places.begin_reserved(), "all places are taken");
        assert_eq!((places.in_flight(), places.free()), (4, 0));
        places.slow(2);
        assert!(places.begin_reserved() && !places.reserve(2), "what is slow gives its place away, and gets nothing more itself");
        places.over(3, false, true);
        assert!(!places.reserve(3), "nor does one that failed");
    }

    #[test]
    fn one_that_failed_gets_a_single_place_until_it_is_well() {
        let mut places = places();
        places.begin(9);
        places.over(9, false, true);
        assert_eq!(rooms(&places), [(9, 0)], "while it is shut");
        places.begin(7);
        places.over(7, false, true);
        assert_eq!(rooms(&places), [(7, 1), (9, 0)]);
        places.begin(7);
        places.over(7, false, false);
        assert_eq!((rooms(&places), places.loads.len()), (vec![(9, 0)], 1));
    }
}
