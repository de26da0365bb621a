//! Components with broken bytes, or with imports that no component gets.

use smtp_connector_host::{Connector, Error};

use super::guest::Guest;
use super::strict_host;

#[tokio::test(flavor = "multi_thread")]
async fn broken_bytes_are_an_error_or_a_valid_component() {
    let host = strict_host();
    let whole = Guest::returning(r#"{"status": "dry-run"}"#).encode();
    for length in (0..whole.len()).step_by(7) {
        assert!(Connector::from_bytes(&host, &whole[..length]).is_err(), "{length} bytes");
    }
    let mut loaded = 0;
    for at in (0..whole.len()).step_by(3) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        loaded += usize::from(Connector::from_bytes(&host, &flipped).is_ok());
    }
    // A flipped bit in a name or a text has no visible effect.
    assert!(loaded < whole.len() / 3);
}

fn refused(guest: &Guest) -> Error {
    Connector::from_bytes(&strict_host(), &guest.encode()).expect_err("it must not load")
}

#[test]
fn a_component_that_imports_sockets_or_randomness_is_refused() {
    let sockets = Guest::invoking("(drop (call $network)) unreachable").import(
        "wasi:sockets/instance-network@0.2.0",
        "instance-network",
        "$network (result i32)",
    );
    let random =
        Guest::invoking("(call $random (i64.const 0x100000000) (i32.const 2048)) unreachable")
            .import("wasi:random/random@0.2.0", "get-random-bytes", "$random (param i64 i32)");
    for guest in [sockets, random] {
        let error = refused(&guest);
        assert!(error.to_string().contains("does not provide"), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_component_that_uses_the_asynchronous_abi_is_refused() {
    for text in [
        "(component (type $s (stream u8)) (core func (canon stream.new $s)))",
        "(component (type $f (future u8)) (core func (canon future.new $f)))",
        "(component (core func (canon task.cancel)))",
    ] {
        let bytes = wat::parse_str(text).expect("the test's own text is right");
        let error = Connector::from_bytes(&strict_host(), &bytes).expect_err("it must not load");
        assert!(error.to_string().contains("cannot be compiled"), "{text}: {error}");
    }
}
