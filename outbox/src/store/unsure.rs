//! Claims whose answers were lost: a commit that failed may be durable all the same. The runs of such a claim are taken by a
//! worker that does not know them: they would wait for as long as it lives. So its next claims undo them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::OwnerId;

/// The claims of a process whose answers were lost.
#[derive(Debug, Default)]
pub(crate) struct Unsure {
    claims: Mutex<Vec<(OwnerId, i64, Instant)>>,
}

/// How long a lost claim is undone by each next one. PostgreSQL may commit it late, but ends its session before this: see
/// the timeouts in the settings of a connection.
const LATE: Duration = Duration::from_secs(120);

/// A claim under way. If it is dropped before it is answered, nothing is known about it.
#[derive(Debug)]
pub(crate) struct UnderWay<'a> {
    unsure: &'a Unsure,
    owner: &'a OwnerId,
    pub(crate) claim: i64,
    is_answered: bool,
}

impl Unsure {
    /// Begins a claim.
    pub(crate) fn begin<'a>(&'a self, owner: &'a OwnerId) -> UnderWay<'a> {
        // An id has more random bits than it needs.
        let claim = uuid::Uuid::new_v4().as_u128() as i64;
        UnderWay { unsure: self, owner, claim, is_answered: false }
    }

    /// Returns the lost claims of an owner that may be there.
    pub(crate) fn of(&self, owner: &OwnerId) -> Vec<i64> {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.retain(|(_, _, lost)| lost.elapsed() < LATE);
        claims.iter().filter(|(of, ..)| of == owner).map(|(_, claim, _)| *claim).collect()
    }
}

impl UnderWay<'_> {
    pub(crate) fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            let mut claims = self.unsure.claims.lock().unwrap_or_else(PoisonError::into_inner);
            claims.push((self.owner.clone(), self.claim, Instant::now()));
        }
    }
}
