//! Components that send fixed messages.

use super::guest::{ANSWER, Guest, RESULT};

/// A message that breaks no rule.
pub(crate) const MESSAGE: &str = "From: alice@example.com\r\nDate: Fri, 2 Jan 2026 03:04:05 +0000\r\n\
                                  Message-ID: <1@example.com>\r\n\r\nHi\r\n";

/// A component that sends this message, whatever the input says, and passes failures on.
pub(crate) fn sends(sender: &str, recipients: &[&str], message: &[u8]) -> Guest {
    sends_and_says(sender, recipients, message, r#"{"status": "sent"}"#)
}

/// A component that sends this message, and returns this result.
pub(crate) fn sends_and_says(
    sender: &str,
    recipients: &[&str],
    message: &[u8],
    result: &str,
) -> Guest {
    let mut guest = Guest::invoking("")
        .import(
            "transport",
            "begin",
            "$begin (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32)",
        )
        .import("transport", "[method]outgoing.write", "$write (param i32 i32 i32 i32)")
        .import("transport", "[static]outgoing.finish", "$finish (param i32 i32)");
    let (sender, sender_length) = guest.bytes(sender);
    let list: Vec<u8> = recipients
        .iter()
        .map(|recipient| guest.bytes(recipient))
        .flat_map(|(at, length)| [at, length])
        .flat_map(|number| u32::try_from(number).expect("it is in the first page").to_le_bytes())
        .collect();
    let (list, _) = guest.bytes(list);
    let number = recipients.len();
    let (message, message_length) = guest.bytes(message);
    let sent = guest.result(result);
    // A failure has 80 bytes. In the result it follows two discriminants.
    let failed = format!(
        "(if (i32.load8_u (i32.const {ANSWER})) (then
           (i32.store (i32.const {RESULT}) (i32.const 1))
           (i32.store offset=4 (i32.const {RESULT}) (i32.const 1))
           (memory.copy (i32.const {}) (i32.const {}) (i32.const 80))
           (return (i32.const {RESULT}))))",
        RESULT + 8,
        ANSWER + 4,
    );
    guest.and_invoking(format!(
        "(local $outgoing i32)
         (call $begin
           (i32.const {sender}) (i32.const {sender_length}) (i32.const {list}) (i32.const {number})
           (i32.const 1) (i32.const 0) (i32.const 0) (i64.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const {ANSWER}))
         {failed}
         (local.set $outgoing (i32.load offset=4 (i32.const {ANSWER})))
         (call $write (local.get $outgoing) (i32.const {message}) (i32.const {message_length})
           (i32.const {ANSWER}))
         {failed}
         (call $finish (local.get $outgoing) (i32.const {ANSWER}))
         {failed}
         {sent}"
    ))
}
