//! The command used as it is not meant to be.

use serde_json::json;

use crate::support::CommandLine;

#[test]
fn help_and_version_are_there() {
    let line = CommandLine::new();
    let help = line.run(&["--help"]).expect(0);
    for command in
        ["demo", "send", "preview", "validate", "describe", "accounts", "providers", "inbox"]
    {
        assert!(help.out.contains(&format!("\n  {command}")), "{command}: {}", help.out);
        line.run(&[command, "--help"]).expect(0);
    }
    line.run(&["--version"]).expect(0);
}

#[test]
fn a_wrong_command_line_is_64_in_words_and_in_json() {
    let line = CommandLine::new();
    for words in [
        &["sned"][..],
        &["send", "--too", "x"],
        &["send", "--input", "x.json", "--to", "b@example.net"],
        &["send", "--input", "no-such-file.json"],
        &["send", "--to", "b@example.net", "--attach", "no-such-file"],
        &["send", "--to", "b@example.net", "--header", "nothing"],
        &["send", "--upload", "x"],
        &["accounts"],
        &["-v", "-q", "providers"],
    ] {
        let ran = line.run(words).expect(64);
        assert!(!ran.err.is_empty(), "{words:?}");
        let ran = line.run(&[words, &["--json"]].concat()).expect(64);
        assert!(ran.json()["error"]["message"].is_string(), "{words:?}");
    }
}

#[test]
fn an_account_that_is_not_there_is_78_and_a_choice_is_64() {
    let line = CommandLine::new();
    let ran = line
        .run(&["send", "--from", "a@example.com", "--to", "b@example.net", "--text", "x"])
        .expect(78);
    assert!(ran.err.contains("no account"), "{}", ran.err);
    let ran =
        line.run(&["send", "--account", "work", "--to", "b@example.net", "--json"]).expect(78);
    assert_eq!(ran.json()["error"]["code"], "account");
    assert!(ran.err.contains("accounts add"), "{}", ran.err);
    for name in ["one", "two"] {
        line.run(&["accounts", "add", name, "--host", "127.0.0.1", "--security", "none"]).expect(0);
    }
    let ran = line.run(&["send", "--to", "b@example.net"]).expect(64);
    assert!(ran.err.contains("one, two"), "{}", ran.err);
}

#[test]
fn a_component_that_is_none_is_64_and_says_what_to_do() {
    let line = CommandLine::new();
    std::fs::write(line.home().join("text.wasm"), "hello").expect("a file can be written");
    std::fs::write(line.home().join("module.wasm"), b"\0asm\x01\0\0\0")
        .expect("a file can be written");
    let empty = wat::parse_str("(component)").expect("it is right");
    std::fs::write(line.home().join("empty.wasm"), empty).expect("a file can be written");
    let input = json!({ "from": "a@example.com", "to": "b@example.net" }).to_string();
    for (file, words) in [
        ("text.wasm", "no WebAssembly component"),
        ("module.wasm", "a module"),
        ("empty.wasm", "does not export"),
        ("none.wasm", "cannot be read"),
    ] {
        let ran = line.run_with(&["validate", "--component", file], &input, &[]).expect(64);
        assert!(ran.err.contains("hint: "), "{}", ran.err);
        assert!(ran.err.contains(words) || words == "a module", "{words}: {}", ran.err);
    }
}
