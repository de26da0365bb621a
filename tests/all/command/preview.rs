//! `preview`.

use std::fs;
use std::process::Stdio;

use crate::support::CommandLine;

const INPUT: &str = r#"{"from": "a@example.com", "to": "b@example.net", "subject": "x", "body": "y",
    "date": "2026-01-02T03:04:05Z", "idempotencyKey": "k"}"#;

#[test]
fn the_message_is_printed_or_written_and_the_same_each_time() {
    let line = CommandLine::new();
    let printed = line.run_with(&["preview"], INPUT, &[]).expect(0);
    assert!(
        printed.out.starts_with("From: a@example.com\r\nTo: b@example.net\r\nSubject: x\r\n"),
        "{}",
        printed.out
    );
    assert_eq!(printed.err, "");
    line.run_with(&["preview", "--output", "x.eml"], INPUT, &[]).expect(0);
    let written = std::fs::read_to_string(line.home().join("x.eml")).expect("it was written");
    assert_eq!(written, printed.out);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = line.home().join("x.eml").metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let json = line.run_with(&["preview", "--json"], INPUT, &[]).expect(0).json();
    assert_eq!(json["status"], "dry-run");
    assert_eq!(json["message"], written);
    assert_eq!(json["messageSize"], written.len());
}

#[test]
fn an_invalid_input_exits_with_65() {
    let line = CommandLine::new();
    let ran = line.run_with(&["preview", "--json"], r#"{"to": "b"}"#, &[]).expect(65);
    assert_eq!(ran.json()["error"]["code"], "validation");
    assert!(ran.err.contains("to: \"b\" is not a valid address"), "{}", ran.err);
}

#[test]
fn an_existing_file_is_overwritten_only_with_force() {
    let line = CommandLine::new();
    let file = line.home().join("report.pdf");
    fs::write(&file, "%PDF").expect("it can be written");
    for words in [&["preview", "-o", "report.pdf"][..], &["preview", "--json", "-o", "report.pdf"]]
    {
        let ran = line.run_with(words, INPUT, &[]).expect(64);
        assert!(ran.err.contains("report.pdf") && ran.err.contains("--force"), "{}", ran.err);
        assert_eq!(fs::read(&file).expect("it is there"), b"%PDF");
    }
    line.run_with(&["preview", "-o", "report.pdf", "--force"], INPUT, &[]).expect(0);
    assert!(fs::read(&file).expect("it is there").starts_with(b"From: a@example.com"));
    line.run_with(&["preview", "-o", "new.eml", "--force"], INPUT, &[]).expect(0);
    let ran = line.run_with(&["preview", "-o", "."], INPUT, &[]).expect(64);
    assert!(ran.err.contains("is a folder"), "{}", ran.err);
    #[cfg(unix)]
    {
        // A dangling link is not overwritten either.
        std::os::unix::fs::symlink("elsewhere.eml", line.home().join("link")).expect("it is made");
        line.run_with(&["preview", "-o", "link"], INPUT, &[]).expect(64);
        assert!(!line.home().join("elsewhere.eml").exists());
    }
}

#[cfg(unix)]
#[test]
fn at_a_terminal_the_command_asks_before_it_overwrites() {
    use crate::support::run_on_terminal;
    let line = CommandLine::new();
    let file = line.home().join("report.pdf");
    fs::write(line.home().join("input.json"), INPUT).expect("it can be written");
    for (answer, is_written) in [("\n", false), ("no\n", false), ("yes\n", true)] {
        fs::write(&file, "%PDF").expect("it can be written");
        let words = ["preview", "--input", "input.json", "-o", "report.pdf"];
        let ran = run_on_terminal(line.command(&words), answer);
        let ran = ran.expect(if is_written { 0 } else { 64 });
        assert!(ran.out.contains("Overwrite report.pdf? [y/N]"), "{}", ran.out);
        assert_eq!(fs::read(&file).expect("it is there") != b"%PDF", is_written, "{}", ran.out);
    }
}

#[test]
fn standard_output_and_devices_are_written_directly() {
    let line = CommandLine::new();
    let printed = line.run_with(&["preview"], INPUT, &[]).expect(0).out;
    assert_eq!(line.run_with(&["preview", "-o", "-"], INPUT, &[]).expect(0).out, printed);
    line.run_with(&["preview", "--json", "-o", "-"], INPUT, &[]).expect(64);
    #[cfg(unix)]
    {
        line.run_with(&["preview", "-o", "/dev/null"], INPUT, &[]).expect(0);
        // With output redirected to a file, the file's earlier content stays.
        fs::write(line.home().join("input.json"), INPUT).expect("it can be written");
        fs::write(line.home().join("all.mbox"), "before\n").expect("it can be written");
        let all = fs::File::options().append(true).open(line.home().join("all.mbox"));
        let words = ["preview", "--input", "input.json", "-o", "/dev/stdout"];
        let mut command = line.command(&words);
        command.stdout(Stdio::from(all.expect("it is there")));
        assert!(command.status().expect("it runs").success());
        let all = fs::read_to_string(line.home().join("all.mbox")).expect("it is there");
        assert_eq!(all, format!("before\n{printed}"));
    }
}
