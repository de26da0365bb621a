use super::*;

const HEADER: &str =
    "From: a@x.test\r\nDate: Fri, 2 Jan 2026 03:04:05 +0000\r\nMessage-ID: <1@x.test>\r\n";

/// The outcome for a message that comes in pieces of `size` octets.
fn check_in(message: &[u8], size: usize) -> Result<(), Violation> {
    let mut validator = MessageValidator::new(1 << 22, false);
    for piece in message.chunks(size) {
        validator.push(piece)?;
    }
    validator.finish(Some(message.len() as u64))
}

/// The outcome, which must not depend on where the pieces are cut.
fn check(message: impl AsRef<[u8]>) -> Result<(), Violation> {
    let message = message.as_ref();
    let outcome = check_in(message, message.len().max(1));
    for size in [1, 2, 3, 7, 64] {
        assert_eq!(check_in(message, size), outcome, "in pieces of {size}");
    }
    outcome
}

#[test]
fn a_valid_message_passes() {
    assert_eq!(
        check(format!("{HEADER}Subject: x\r\n y\r\nX-A:b\r\n\tc\r\n\r\n.\r\n..\r\n")),
        Ok(())
    );
    assert_eq!(check(format!("{HEADER}\r\n")), Ok(()));
    assert_eq!(check(HEADER), Ok(()));
}

#[test]
fn line_ends_are_crlf_and_nothing_else() {
    for sequence in [
        "\n.\n",
        "\n.\r",
        "\r.\n",
        "\r.\r",
        "\n.\r\n",
        "\r.\r\n",
        "\r\n.\n",
        "\r\n.\r",
        "\r\n.\r\r\n",
        "\r\r\n.\r\r\n",
        "\r\n\0.\r\n",
        "\r\n.\0\r\n",
    ] {
        let message = format!("{HEADER}\r\ntext{sequence}MAIL FROM:<evil@evil.test>\r\n");
        let violation = check(&message).expect_err(sequence);
        assert!(
            matches!(violation, Violation::LineBreak | Violation::Nul),
            "{sequence:?}: {violation:?}"
        );
        let in_header = format!("Subject: x{sequence}y\r\n{HEADER}\r\n");
        assert!(check(&in_header).is_err(), "{sequence:?}");
    }
}

#[test]
fn the_header_block_is_sane() {
    for (line, violation) in [
        ("Bcc: secret@x.test", Violation::ForbiddenHeader("Bcc".into())),
        ("RESENT-BCC: secret@x.test", Violation::ForbiddenHeader("RESENT-BCC".into())),
        ("Return-Path: <>", Violation::ForbiddenHeader("Return-Path".into())),
        ("Resent-From: a@x.test", Violation::ForbiddenHeader("Resent-From".into())),
        ("ARC-Seal: i=1", Violation::ForbiddenHeader("ARC-Seal".into())),
        (
            "Authentication-Results: x; dmarc=pass",
            Violation::ForbiddenHeader("Authentication-Results".into()),
        ),
        ("dkim-signature: v=1", Violation::ForbiddenHeader("dkim-signature".into())),
        ("X-Original-To: a@x.test", Violation::ForbiddenHeader("X-Original-To".into())),
        ("from: b@x.test", Violation::RepeatedHeader("from".into())),
        ("no colon", Violation::HeaderLine),
        (": no name", Violation::HeaderLine),
        ("X A: b", Violation::HeaderLine),
        ("X-\u{7f}: b", Violation::HeaderLine),
        ("X-A: \u{1}", Violation::HeaderLine),
        (" ", Violation::HeaderLine),
    ] {
        assert_eq!(check(format!("{HEADER}{line}\r\n\r\n")), Err(violation), "{line}");
    }
    assert_eq!(check(" folded: x\r\n\r\n"), Err(Violation::HeaderLine));
    assert_eq!(check("Date: x\r\nMessage-ID: y\r\n\r\n"), Err(Violation::MissingHeader("from")));
    assert_eq!(check("\r\n"), Err(Violation::MissingHeader("from")));
    assert_eq!(check(""), Err(Violation::HeaderBlock));
    let endless = "X-A: 1234567890\r\n".repeat(200_000);
    assert_eq!(check_in(endless.as_bytes(), 65_536), Err(Violation::HeaderBlock));
}

#[test]
fn originators_and_the_message_id_are_unfolded() {
    let message = "From: \"A\"\r\n <a@x.test>\r\nX-From: c@x.test\r\n d@x.test\r\nSENDER:b@x.test\r\n\
                   Date: x\r\nMessage-ID:\r\n <y>\r\n\r\nFrom: e@x.test\r\n";
    for size in [1, 7, 1000] {
        let mut validator = MessageValidator::new(1000, false);
        for piece in message.as_bytes().chunks(size) {
            validator.push(piece).expect("it breaks no rule");
        }
        assert!(validator.in_body());
        assert_eq!(validator.originators(), [" \"A\" <a@x.test>", "b@x.test"]);
        assert_eq!(validator.message_id(), Some("<y>"));
    }
}

#[test]
fn lines_and_sizes_are_bounded() {
    let line = |length| format!("{HEADER}\r\n{}\r\n", "a".repeat(length));
    assert_eq!(check(line(998)), Ok(()));
    assert_eq!(check(line(999)), Err(Violation::LongLine));
    assert_eq!(check(format!("{HEADER}\r\ntext")), Err(Violation::Unterminated));
    assert_eq!(check(format!("{HEADER}\r\ntext\r")), Err(Violation::Unterminated));
    let mut validator = MessageValidator::new(10, false);
    assert_eq!(validator.push(HEADER.as_bytes()), Err(Violation::TooLarge));
    let mut validator = MessageValidator::new(1000, false);
    assert_eq!(validator.push(HEADER.as_bytes()), Ok(()));
    assert!(matches!(validator.finish(Some(1)), Err(Violation::Size { announced: 1, .. })));
}

#[test]
fn octets_beyond_ascii_must_be_announced() {
    let message = format!("{HEADER}To: jörg@x.test\r\n\r\n");
    assert_eq!(check(&message), Err(Violation::EightBit));
    let mut validator = MessageValidator::new(1000, true);
    assert_eq!(validator.push(message.as_bytes()), Ok(()));
}
