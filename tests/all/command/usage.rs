//! Mistakes in using the command.

use serde_json::json;

use crate::support::CommandLine;

#[test]
fn help_and_version_are_printed() {
    let line = CommandLine::new();
    let help = line.run(&["--help"]).expect(0);
    for command in
        ["demo", "send", "preview", "validate", "describe", "accounts", "providers", "inbox"]
    {
        assert!(help.out.contains(&format!("\n  {command}")), "{command}: {}", help.out);
        line.run(&[command, "--help"]).expect(0);
    }
    let send = line.run(&["send", "--help"]).expect(0).out;
    for words in ["Example: smtp-connector send", "Standard input is the text", "--allow-empty"] {
        assert!(send.contains(words), "{words}: {send}");
    }
    line.run(&["--version"]).expect(0);
}

#[test]
fn a_wrong_command_line_exits_with_64_in_text_and_json() {
    let line = CommandLine::new();
    let input = r#"{"from": "a@example.com", "to": "b@example.net"}"#;
    std::fs::write(line.home().join("input.json"), input).expect("a file can be written");
    for words in [
        &["sned"][..],
        &["send", "--too", "x"],
        &["send", "--input", "input.json", "--to", "b@example.net"],
        &["send", "--input", "input.json", "--text", "x"],
        &["send", "--input", "input.json", "--html-file", "page.html"],
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
fn a_missing_account_exits_with_78_and_an_ambiguous_one_with_64() {
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
fn an_invalid_component_exits_with_64_and_explains_what_to_do() {
    let line = CommandLine::new();
    std::fs::write(line.home().join("text.wasm"), "hello").expect("a file can be written");
    std::fs::write(line.home().join("module.wasm"), b"\0asm\x01\0\0\0")
        .expect("a file can be written");
    let empty = wat::parse_str("(component)").expect("it is right");
    std::fs::write(line.home().join("empty.wasm"), empty).expect("a file can be written");
    let input = json!({ "from": "a@example.com", "to": "b@example.net" }).to_string();
    for (file, words) in [
        ("text.wasm", "not a WebAssembly component"),
        ("module.wasm", "a module"),
        ("empty.wasm", "does not export"),
        ("none.wasm", "cannot be read"),
    ] {
        let ran = line.run_with(&["validate", "--component", file], &input, &[]).expect(64);
        assert!(ran.err.contains("hint: "), "{}", ran.err);
        assert!(ran.err.contains(words) || words == "a module", "{words}: {}", ran.err);
    }
}

#[test]
fn an_error_is_printed_once_in_plain_words() {
    let line = CommandLine::new();
    let home = line.home();
    std::fs::create_dir(home.join("folder")).expect("a folder can be made");
    for (name, text) in [("bad.json", "{bad"), ("empty.json", " \n"), ("half.json", "{\"to\": ")] {
        std::fs::write(home.join(name), text).expect("a file can be written");
    }
    let mail = ["preview", "--from", "a@example.com", "--to", "b@example.net", "--text", "x"];
    for (words, said) in [
        (&["preview", "--input", "bad.json"][..], "not JSON"),
        (&["preview", "--input", "empty.json"], "text is empty"),
        (&["preview", "--input", "half.json"], "ends too early"),
        (&["preview", "--input", "none.json"], "none.json"),
        (&["preview", "--input", "folder"], "is a folder"),
        (&[&mail[..], &["--attach", "folder"]].concat(), "is a folder"),
        (&[&mail[..], &["--attach", "none.pdf"]].concat(), "none.pdf"),
        (&[&mail[..], &["--upload", "u=folder"]].concat(), "is a folder"),
        (&[&mail[..], &["--upload", "u=none.pdf"]].concat(), "none.pdf"),
        (&[&mail[..], &["--output", "none/x.eml"]].concat(), "none/x.eml"),
        (&["validate", "--from", "a@example.com", "--to", "bob"], "no @"),
        (&["preview", "--from", "a@example.com", "--to", "bob"], "no @"),
        (&["describe", "--component", "none.wasm"], "none.wasm"),
        (&["describe", "--component", "folder"], "folder"),
        (&["inbox", "--smtp", "1025"], "HOST:PORT"),
        (&["inbox", "show", "7"], "no message 7"),
    ] {
        let ran = line.run(words);
        assert!(matches!(ran.code, 64 | 65), "{words:?}: {ran:#?}");
        let told = ran.out + &ran.err;
        assert_eq!(told.matches(said).count(), 1, "{words:?}: {told}");
        for jargon in ["$", "os error", "EOF", "panicked"] {
            assert!(!told.contains(jargon), "{words:?}: {told}");
        }
    }
}
