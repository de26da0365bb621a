//! What a server's reply means: the cause, whether to retry, what helps, and the id that it gives a message.
//!
//! The causes are a table ([`causes`]). Each path of the conversation asks it: the greeting, EHLO, STARTTLS, the login,
//! the envelope, each recipient and the message. The first row that matches wins.
//!
//! | | |
//! |---|---|
//! | one row, and what it may ask for | `cause` |
//! | the rows, the most specific first | `causes` |
//! | the row that fits a situation | `matching` |
//! | the failure that follows | `verdict` |
//! | queue ids | `queue_id` |
//!
//! This module knows replies and settings. It knows no connection, no policy and no component.

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
