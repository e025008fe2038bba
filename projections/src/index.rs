use std::collections::VecDeque;

use uuid::Uuid;

/// A bounded index, ordered by position, of which only the part is loaded that this batch may push out.
///
/// Members make room one event at a time, as if each event were a batch of its own: where batches are cut must not
/// show in the result.
#[derive(Debug)]
pub(crate) struct Index {
    bound: usize,
    /// How many stored members there are; 0 also where they are too few for this batch to reach the bound.
    stored: usize,
    /// The stored members that may have to make room, oldest first.
    oldest: VecDeque<Uuid>,
    added: VecDeque<(i64, Uuid)>,
    evicted: Vec<Uuid>,
}

impl Index {
    /// Which stored members (as ranks, newest first, both ends included) a batch that adds `pushes` has to load.
    pub fn ranks(bound: usize, pushes: usize) -> (usize, usize) {
        (bound.saturating_sub(pushes), bound.saturating_sub(1))
    }

    /// `loaded` are the members at [`Index::ranks`], newest first.
    pub fn new(bound: usize, pushes: usize, loaded: Vec<Uuid>) -> Index {
        let stored = match loaded.len() {
            0 => 0,
            some => Index::ranks(bound, pushes).0 + some,
        };
        let oldest = loaded.into_iter().rev().collect();
        Index { bound, stored, oldest, added: VecDeque::new(), evicted: Vec::new() }
    }

    pub fn push(&mut self, position: i64, member: Uuid) -> Option<Uuid> {
        self.added.push_back((position, member));
        if self.stored + self.added.len() <= self.bound {
            return None;
        }
        match self.oldest.pop_front() {
            Some(oldest) => {
                self.stored -= 1;
                self.evicted.push(oldest);
                Some(oldest)
            }
            None => self.added.pop_front().map(|(_, member)| member),
        }
    }

    pub fn has_changed(&self) -> bool {
        !self.added.is_empty() || !self.evicted.is_empty()
    }

    /// New members with their positions.
    pub fn added(&self) -> impl ExactSizeIterator<Item = (i64, Uuid)> {
        self.added.iter().copied()
    }

    /// Stored members that made room.
    pub fn evicted(&self) -> &[Uuid] {
        &self.evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes `count` members onto an index of `bound` in batches of `size`; what is left, oldest first.
    fn left_after(bound: usize, count: u128, size: usize) -> Vec<Uuid> {
        let mut stored: Vec<Uuid> = Vec::new();
        let members: Vec<Uuid> = (1..=count).map(Uuid::from_u128).collect();
        for batch in members.chunks(size) {
            let (from, to) = Index::ranks(bound, batch.len());
            let loaded = stored.iter().rev().skip(from).take(to + 1 - from).copied().collect();
            let mut index = Index::new(bound, batch.len(), loaded);
            for member in batch {
                index.push(1, *member);
            }
            stored.retain(|member| !index.evicted().contains(member));
            stored.extend(index.added().map(|(_, member)| member));
        }
        stored
    }

    #[test]
    fn the_newest_stay_however_batches_are_cut() {
        for (count, size) in [(3, 1), (5, 5), (6, 1), (6, 4), (23, 1), (23, 3), (23, 7), (23, 23)] {
            let first = u128::max(1, (count + 1_u128).saturating_sub(5));
            let newest: Vec<Uuid> = (first..=count).map(Uuid::from_u128).collect();
            assert_eq!(left_after(5, count, size), newest, "{count} in batches of {size}");
        }
    }
}
