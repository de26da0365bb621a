//! The component of every run: it makes the calls of its program, whatever they return.
//!
//! The program is passed in as the name of the action.

use super::guest::{ANSWER, Guest, RESULT};
use super::image::{FORGETS, IMAGE, SKIPS};
use super::program::SLOTS;

/// Large chunks have up to 65 536 lines.
const PAGES: &str = "96";

/// Encodes the component.
pub(crate) fn puppet() -> Vec<u8> {
    let first = IMAGE + 4 * SLOTS.len();
    let other = ANSWER + 512;
    let run = format!(
        "(func $run (param $text i32) (param $length i32) (result i32)
           (local $end i32) (local $pc i32) (local $op i32) (local $a i32) (local $b i32) (local $c i32)
           (local $code i32) (local $handle i32)
           (local.set $end (i32.add (local.get $text) (local.get $length)))
           (local.set $pc (i32.const {IMAGE}))
           ;; A byte is two letters, from a to p.
           (block $decoded (loop $byte
             (br_if $decoded (i32.ge_u (local.get $text) (local.get $end)))
             (i32.store8 (local.get $pc) (i32.or
               (i32.shl (i32.sub (i32.load8_u (local.get $text)) (i32.const 97)) (i32.const 4))
               (i32.sub (i32.load8_u offset=1 (local.get $text)) (i32.const 97))))
             (local.set $text (i32.add (local.get $text) (i32.const 2)))
             (local.set $pc (i32.add (local.get $pc) (i32.const 1)))
             (br $byte)))
           (local.set $pc (i32.const {first}))
           (loop $next
             (local.set $op (i32.load (local.get $pc)))
             (local.set $a (i32.load offset=4 (local.get $pc)))
             (local.set $b (i32.load offset=8 (local.get $pc)))
             (local.set $c (i32.load offset=12 (local.get $pc)))
             (local.set $pc (i32.add (local.get $pc) (i32.const 16)))
             (local.set $code (i32.and (local.get $op) (i32.const 255)))
             (if (i32.ge_u (local.get $code) (i32.const 16)) (then
               (local.set $handle (i32.load (local.get $a)))
               (br_if $next (i32.and
                 (i32.ne (i32.and (local.get $op) (i32.const {SKIPS})) (i32.const 0))
                 (i32.eqz (local.get $handle))))
               (if (i32.and (local.get $op) (i32.const {FORGETS}))
                 (then (i32.store (local.get $a) (i32.const 0))))))
             {calls}
             (if (i32.eq (local.get $code) (i32.const 0)) (then (return (local.get $a))))
             unreachable)
           unreachable)",
        calls = calls(other),
    );
    let guest = Guest::invoking("(call $run (local.get $action) (local.get 1))")
        .validating("(drop (call $run (local.get $action) (local.get 1)))")
        .memory(PAGES);
    imported(guest).part(&run).encode()
}

fn calls(other: usize) -> String {
    let answer = format!("(i32.const {ANSWER})");
    let other_answer = format!("(i32.const {other})");
    let keep = |at: usize, slot: &str| {
        format!(
            "(if (i32.eqz (i32.load8_u (i32.const {at}))) (then
               (i32.store (local.get {slot}) (i32.load offset=4 (i32.const {at})))))"
        )
    };
    let words: String = (0..15)
        .map(|word| match word {
            7 => "(i64.load offset=28 (local.get $a))".to_owned(),
            // It follows the 64-bit word.
            8.. => format!("(i32.load offset={} (local.get $a))", 4 * word + 4),
            _ => format!("(i32.load offset={} (local.get $a))", 4 * word),
        })
        .collect();
    let opened = keep(other, "$c");
    [
        (1, format!("(call $begin {words} {answer}) {}", keep(ANSWER, "$b"))),
        (2, format!("(call $upload (local.get $a) (local.get $b) {other_answer}) {opened}")),
        (3, format!("(call $fetch (local.get $a) (local.get $b) {other_answer}) {opened}")),
        (4, format!("(call $account {other_answer})")),
        (5, format!("(call $invocation {other_answer})")),
        // A failure has 80 bytes. In the result it follows two discriminants.
        (
            6,
            format!(
                "(if (i32.load8_u {answer}) (then
                   (i32.store (i32.const {RESULT}) (i32.const 1))
                   (i32.store offset=4 (i32.const {RESULT}) (i32.const 1))
                   (memory.copy (i32.const {}) (i32.const {}) (i32.const 80))
                   (return (i32.const {RESULT}))))",
                RESULT + 8,
                ANSWER + 4
            ),
        ),
        (
            8,
            "(memory.fill (local.get $a) (local.get $b) (i32.shl (local.get $c) (i32.const 6)))
             (loop $line
               (i32.store16 offset=62 (local.get $a) (i32.const 0x0a0d))
               (local.set $a (i32.add (local.get $a) (i32.const 64)))
               (local.set $c (i32.sub (local.get $c) (i32.const 1)))
               (br_if $line (local.get $c)))"
                .to_owned(),
        ),
        (16, format!("(call $write (local.get $handle) (local.get $b) (local.get $c) {answer})")),
        (17, format!("(call $finish (local.get $handle) {answer})")),
        (18, "(call $drop-outgoing (local.get $handle))".to_owned()),
        (19, format!("(call $read (local.get $handle) (local.get $b) {other_answer})")),
        (20, format!("(call $metadata (local.get $handle) {other_answer})")),
        (21, "(call $drop-content (local.get $handle))".to_owned()),
    ]
    .into_iter()
    .map(|(code, call)| {
        format!("(if (i32.eq (local.get $code) (i32.const {code})) (then {call} (br $next)))")
    })
    .collect()
}

fn imported(guest: Guest) -> Guest {
    guest
        .import(
            "transport",
            "begin",
            "$begin (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32)",
        )
        .import("transport", "[method]outgoing.write", "$write (param i32 i32 i32 i32)")
        .import("transport", "[static]outgoing.finish", "$finish (param i32 i32)")
        .import("transport", "[resource-drop]outgoing", "$drop-outgoing (param i32)")
        .import("attachments", "open-upload", "$upload (param i32 i32 i32)")
        .import("attachments", "fetch", "$fetch (param i32 i32 i32)")
        .import("attachments", "[method]content.read", "$read (param i32 i32 i32)")
        .import("attachments", "[method]content.metadata", "$metadata (param i32 i32)")
        .import("attachments", "[resource-drop]content", "$drop-content (param i32)")
        .import("account", "current", "$account (param i32)")
        .import("invocation", "current", "$invocation (param i32)")
}
