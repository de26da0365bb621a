;; A component that shares only the contract with the built-in one: no Rust, no WASI, and only the field `to`, with one
;; address. It sends a fixed notice there, from the account's default sender.
;;
;; This is the core module; tests/all/hostile/guest.rs wraps it as a component of the world `plugin`.
(module
  (import "connectors:smtp/account@0.1.0" "current" (func $account (param i32)))
  (import "connectors:smtp/invocation@0.1.0" "current" (func $run (param i32)))
  (import "connectors:smtp/transport@0.1.0" "begin"
    (func $begin (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "connectors:smtp/transport@0.1.0" "[method]outgoing.write" (func $write (param i32 i32 i32 i32)))
  (import "connectors:smtp/transport@0.1.0" "[static]outgoing.finish" (func $finish (param i32 i32)))

  (memory (export "memory") 4)
  (global $top (mut i32) (i32.const 65536))
  ;; The address where the message is assembled, and its length.
  (global $message i32 (i32.const 16384))
  (global $length (mut i32) (i32.const 0))

  ;; 64: empty findings; 1024: the result of invoke; 2048: the answers of imports.
  (data (i32.const 256) "{\"name\":\"notice\",\"version\":\"1.0.0\",\"actions\":[{\"name\":\"send-mail\"}]}")
  (data (i32.const 384) "\00\01\00\00\44\00\00\00")
  (data (i32.const 512) "\"to\"")
  (data (i32.const 528) "{\"status\":\"sent\"}")
  (data (i32.const 560) "{\"status\":\"dry-run\"}")
  (data (i32.const 600) "From: ")
  (data (i32.const 608) "\0d\0aTo: ")
  (data (i32.const 616) "\0d\0aDate: Thu, 1 Jan 2026 00:00:00 +0000\0d\0aMessage-ID: <")
  (data (i32.const 680) "@notice.example>\0d\0aSubject: Notice\0d\0a\0d\0aThis is a notice.\0d\0a")
  (data (i32.const 800) "\"to\" is missing")
  (data (i32.const 820) "to")
  (data (i32.const 824) "missing-value")

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $top (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
    (global.get $top)
    (global.set $top (i32.add (global.get $top) (local.get 3))))

  (func (export "connectors:smtp/smtp-connector@0.1.0#describe") (result i32) (i32.const 384))
  (func (export "connectors:smtp/smtp-connector@0.1.0#validate")
    (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 64))

  ;; Appends text to the message.
  (func $append (param $from i32) (param $count i32)
    (memory.copy (i32.add (global.get $message) (global.get $length)) (local.get $from) (local.get $count))
    (global.set $length (i32.add (global.get $length) (local.get $count))))

  ;; Returns the position of the next quotation mark.
  (func $quote (param $at i32) (result i32)
    (loop $next
      (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 34))
        (then (local.set $at (i32.add (local.get $at) (i32.const 1))) (br $next))))
    (local.get $at))

  ;; Returns the position after the key "to", or 0.
  (func $to (param $at i32) (param $end i32) (result i32)
    (loop $next
      (if (i32.ge_u (i32.add (local.get $at) (i32.const 4)) (local.get $end)) (then (return (i32.const 0))))
      (if (i32.eq (i32.load (local.get $at)) (i32.load (i32.const 512)))
        (then (return (i32.add (local.get $at) (i32.const 4)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))
    (unreachable))

  ;; Passes on a failure of the host: 80 bytes behind two discriminants.
  (func $failed (result i32)
    (i32.store (i32.const 1024) (i32.const 1))
    (i32.store (i32.const 1028) (i32.const 1))
    (memory.copy (i32.const 1032) (i32.const 2052) (i32.const 80))
    (i32.const 1024))

  ;; Returns `invalid` with one issue.
  (func $invalid (result i32)
    (i32.store (i32.const 1024) (i32.const 1))
    (i32.store (i32.const 1032) (i32.const 1200))
    (i32.store (i32.const 1036) (i32.const 1))
    (i32.store (i32.const 1200) (i32.const 820)) (i32.store (i32.const 1204) (i32.const 2))
    (i32.store (i32.const 1208) (i32.const 824)) (i32.store (i32.const 1212) (i32.const 13))
    (i32.store (i32.const 1216) (i32.const 800)) (i32.store (i32.const 1220) (i32.const 15))
    (i32.const 1024))

  (func $done (param $json i32) (param $count i32) (result i32)
    (i32.store (i32.const 1028) (local.get $json))
    (i32.store (i32.const 1032) (local.get $count))
    (i32.const 1024))

  (func (export "connectors:smtp/smtp-connector@0.1.0#invoke")
    (param i32 i32) (param $input i32) (param $size i32) (param i32 i32 i32) (result i32)
    (local $recipient i32) (local $count i32) (local $sender i32) (local $sender-count i32)
    (local $outgoing i32)
    (local.set $recipient (call $to (local.get $input) (i32.add (local.get $input) (local.get $size))))
    (if (i32.eqz (local.get $recipient)) (then (return (call $invalid))))
    (local.set $recipient (i32.add (call $quote (local.get $recipient)) (i32.const 1)))
    (local.set $count (i32.sub (call $quote (local.get $recipient)) (local.get $recipient)))
    ;; The account's default sender is an optional text after its name.
    (call $account (i32.const 2048))
    (local.set $sender (i32.load (i32.const 2060)))
    (local.set $sender-count (i32.load (i32.const 2064)))

    (call $append (i32.const 600) (i32.const 6))
    (call $append (local.get $sender) (local.get $sender-count))
    (call $append (i32.const 608) (i32.const 6))
    (call $append (local.get $recipient) (local.get $count))
    (call $append (i32.const 616) (i32.const 53))
    (call $run (i32.const 2048))
    (call $append (i32.load (i32.const 2048)) (i32.load (i32.const 2052)))
    (call $append (i32.const 680) (i32.const 56))
    ;; The dry-run flag follows the run's id and time.
    (if (i32.load8_u (i32.const 2064)) (then (return (call $done (i32.const 560) (i32.const 20)))))

    (i32.store (i32.const 1300) (local.get $recipient))
    (i32.store (i32.const 1304) (local.get $count))
    (call $begin (local.get $sender) (local.get $sender-count) (i32.const 1300) (i32.const 1)
      (i32.const 0) (i32.const 0) (i32.const 1) (i64.extend_i32_u (global.get $length))
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 2048))
    (if (i32.load8_u (i32.const 2048)) (then (return (call $failed))))
    (local.set $outgoing (i32.load (i32.const 2052)))
    (call $write (local.get $outgoing) (global.get $message) (global.get $length) (i32.const 2048))
    (if (i32.load8_u (i32.const 2048)) (then (return (call $failed))))
    (call $finish (local.get $outgoing) (i32.const 2048))
    (if (i32.load8_u (i32.const 2048)) (then (return (call $failed))))
    (call $done (i32.const 528) (i32.const 17))))
