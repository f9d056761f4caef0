//! How many sockets and event streams are open, in all and per principal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::problem::{Problem, ProblemCode};

/// The open streams of this process.
#[derive(Debug, Clone)]
pub(super) struct StreamShares {
    most: usize,
    most_per_owner: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_owner: HashMap<String, usize>,
}

/// One open stream; given back when dropped.
#[derive(Debug)]
pub(super) struct StreamShare {
    owner: String,
    open: Arc<Mutex<Open>>,
}

impl StreamShares {
    /// At most `most` streams, at most `most_per_owner` of one owner.
    #[must_use]
    pub(super) fn new(most: usize, most_per_owner: usize) -> Self {
        Self { most, most_per_owner, open: Arc::default() }
    }

    /// Opens one more stream for `owner`.
    pub(super) fn take(&self, owner: String) -> Result<StreamShare, Problem> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let held = open.by_owner.get(&owner).copied().unwrap_or(0);
        if held >= self.most_per_owner {
            let message = format!("at most {} streams at once; close one first", self.most_per_owner);
            return Err(Problem::new(ProblemCode::TooManyStreams, message));
        }
        if open.all >= self.most {
            return Err(Problem::new(ProblemCode::Unavailable, "the server holds as many streams as it can; try again later"));
        }
        open.all += 1;
        open.by_owner.insert(owner.clone(), held + 1);
        metrics::gauge!("clearlead_streams").increment(1);
        Ok(StreamShare { owner, open: Arc::clone(&self.open) })
    }
}

impl Drop for StreamShare {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        let left = open.by_owner.get(&self.owner).copied().unwrap_or(0).saturating_sub(1);
        if left == 0 {
            open.by_owner.remove(&self.owner);
        } else {
            open.by_owner.insert(self.owner.clone(), left);
        }
        metrics::gauge!("clearlead_streams").decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_comes_back_when_its_stream_ends() {
        let shares = StreamShares::new(3, 2);
        let (first, _second) = (shares.take("a".into()).unwrap(), shares.take("a".into()).unwrap());
        assert_eq!(shares.take("a".into()).unwrap_err().code, ProblemCode::TooManyStreams);
        let _third = shares.take("b".into()).unwrap();
        assert_eq!(shares.take("c".into()).unwrap_err().code, ProblemCode::Unavailable);
        drop(first);
        assert!(shares.take("a".into()).is_ok());
        assert_eq!(shares.open.lock().unwrap().by_owner.len(), 2);
    }
}
