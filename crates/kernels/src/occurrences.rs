//! Where each distinct thing of a batch occurs: gradients of gathered rows are summed thing by thing, each in a fixed
//! order, instead of being scattered.

/// For each distinct thing, the places where it occurs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Occurrences {
    places: Vec<u32>,
    /// Where in `places` a thing begins; one more for the end.
    starts: Vec<usize>,
}

impl Occurrences {
    /// From the thing at every place, by counting.
    pub(crate) fn new(things: &[u32], distinct: usize) -> Self {
        let mut starts = vec![0; distinct + 1];
        things.iter().for_each(|thing| starts[*thing as usize + 1] += 1);
        for thing in 0..distinct {
            starts[thing + 1] += starts[thing];
        }
        let mut next = starts.clone();
        let mut places = vec![0; things.len()];
        for (place, thing) in (0..).zip(things) {
            let free = &mut next[*thing as usize];
            places[*free] = place;
            *free += 1;
        }
        Self { places, starts }
    }

    /// Places of a thing, in rising order.
    pub(crate) fn of(&self, thing: usize) -> impl Iterator<Item = usize> + '_ {
        self.places[self.starts[thing]..self.starts[thing + 1]].iter().map(|place| *place as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thing_has_its_places_in_rising_order() {
        let occurrences = Occurrences::new(&[2, 0, 2, 3, 0, 2], 5);
        let of = |thing| occurrences.of(thing).collect::<Vec<_>>();
        assert_eq!([of(0), of(1), of(2), of(3), of(4)], [vec![1, 4], vec![], vec![0, 2, 5], vec![3], vec![]]);
    }
}
