//! `demo`.

use crate::support::CommandLine;

#[test]
fn the_demo_shows_what_arrived() {
    let ran = CommandLine::new().run(&["demo"]).expect(0);
    for words in [
        "from  ada@example.com",
        "to    archive@example.com",
        "Subject: Your order 4711 is on its way – köszönjük! ✉",
        "multipart/mixed",
        "image/png  letter.png  cid:letter",
        "application/pdf  számla 4711.pdf",
        "in a fresh sandbox, and sent it over SMTP",
        "arrived, for 4 recipients",
        "password     stays with the host",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert!(!ran.out.contains("Bcc"));
}

#[test]
fn the_demo_as_json_is_one_document() {
    let ran = CommandLine::new().run(&["demo", "--json"]).expect(0);
    let json = ran.json();
    assert_eq!(json["result"]["status"], "sent");
    assert_eq!(json["received"]["to"].as_array().map(Vec::len), Some(4));
    assert_eq!(json["received"]["parts"]["type"], "multipart/mixed");
    assert_eq!(json["received"]["size"], json["result"]["messageSize"]);
}
