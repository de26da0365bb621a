//! The meaning of a server's reply: the cause, whether to retry, a hint, and the queue id of a message.
//!
//! The causes are a table ([`causes`]). Every phase of the session looks up its replies there: the greeting, EHLO,
//! STARTTLS, the login, the envelope, each recipient and the message. The first row that matches wins.
//!
//! | content | module |
//! |---|---|
//! | the type of a row, with its conditions | `cause` |
//! | the rows, the most specific first | `causes` |
//! | the search for the matching row | `matching` |
//! | the failure for a cause | `verdict` |
//! | queue ids | `queue_id` |
//!
//! This module depends on replies and settings only, not on connections, policies or components.

mod cause;
mod causes;
pub(crate) mod extensions;
mod matching;
mod queue_id;
pub(crate) mod reply;
mod verdict;

pub use cause::{Cause, Given, Lack};
pub(crate) use causes::WAITED;
pub use causes::causes;
pub(crate) use matching::{Event, Facts, find};
pub(crate) use queue_id::queue_id;
pub(crate) use verdict::{of_lack, of_refusals, of_reply, retry};
