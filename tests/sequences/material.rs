//! The material of sequences: valid and invalid addresses, headers and bodies.

/// Recipients that an input can name.
pub(crate) const RECIPIENTS: &[&str] = &[
    "bob@example.net",
    "carol@example.net",
    "dora@example.net",
    "erik@other.test",
    "j\u{f6}rg@example.net",
    "bob%evil.test@example.net",
    "evil.test!bob@example.net",
    "bob@b\u{fc}cher.example",
];

/// Recipients that no input names, or named recipients in another spelling.
pub(crate) const OTHERS: &[&str] = &[
    "eve@evil.test",
    "Bob@example.net",
    "bob@EXAMPLE.net",
    "bob@example.net.evil.test",
    "bob@example.net.",
    "bob@xn--bcher-kva.example",
    "bob@B\u{dc}CHER.example",
    "bob+1@example.net",
    "",
    "bob",
    "bob@",
    "@example.net",
    "bob@@example.net",
    "b\u{f6}b@example.net",
    "bob@example.net>\r\nRCPT TO:<eve@evil.test",
    "bob@example.net>\nRCPT TO:<eve@evil.test",
    "bob@example.net> NOTIFY=NEVER",
    "bob@example.net SIZE=1",
    "<bob@example.net>",
    "bob@example.net\0",
    "b ob@example.net",
    "\"bob\"@example.net",
    "\"b@b\"@example.net",
    "bob@[127.0.0.1]",
    "bob@example.net,eve@evil.test",
    "@evil.test:bob@example.net",
];

pub(crate) const SENDERS: &[&str] =
    &["alice@example.com", "alice@example.com", "alice@example.com", "bounces@EXAMPLE.com", ""];

pub(crate) const OTHER_SENDERS: &[&str] = &[
    "ceo@bank.test",
    "alice@example.com.evil.test",
    "alice@evil.test>\r\nRCPT TO:<eve@evil.test",
    "alice@example.com> SIZE=1",
    "\"a b\"@example.com",
    "al\u{ef}ce@example.com",
    "alice",
    "<>",
    " ",
];

/// Octets that are inserted into an address.
pub(crate) const ODD: &[char] = &[
    '\r', '\n', '\0', '\t', ' ', '<', '>', '(', ')', '"', ',', ':', ';', '\\', '[', ']', '%', '!',
    '@', '.', '+', '=', '|', '\'', '\u{7f}', '\u{e9}', 'x',
];

pub(crate) const ENVELOPE_IDS: &[&str] =
    &["id-1", "a+b=c", "a>b", "", "a b", "x\r\nRCPT TO:<eve@evil.test>", "\u{e9}"];

/// The headers that a message must have, the first in several forms.
pub(crate) const FROM: &[&str] = &[
    "From: alice@example.com\r\n",
    "From: alice@example.com\r\n",
    "From: \"Ann, A\" <alice@example.com>\r\n",
    "From: Ann\r\n <alice@example.com>\r\n",
    "From: =?utf-8?Q?J=C3=B6rg?= <alice@example.com>\r\n",
    "FROM:alice@example.com\r\n",
];
pub(crate) const DATE: &str = "Date: Fri, 2 Jan 2026 03:04:05 +0000\r\n";
pub(crate) const MESSAGE_ID: &str = "Message-ID: <1@example.com>\r\n";

pub(crate) const HEADERS: &[&str] = &[
    "Subject: Hi\r\n",
    "To: bob@example.net\r\n",
    "X-A: b\r\n",
    "X-A: b\r\n\tc\r\n d\r\n",
    "Sender: alice@example.com\r\n",
    "MIME-Version: 1.0\r\n",
    "X-From: ceo@bank.test\r\n",
];

pub(crate) const BAD_HEADERS: &[&str] = &[
    "From: ceo@bank.test\r\n",
    "Sender: ceo@bank.test\r\n",
    "Sender: Ann <alice@example.com>, ceo@bank.test\r\n",
    "From: alice@example.com, ceo@bank.test\r\n",
    "From: ceo@bank.test <alice@example.com>\r\n",
    "From: alice@example.com (ceo@bank.test)\r\n",
    "From: \"ceo@bank.test\" <alice@example.com>\r\n",
    "From: =?utf-8?Q?ceo=40bank.test?= <alice@example.com>\r\n",
    "From: =?utf-7?Q?ceo+AEA-bank.test?= <alice@example.com>\r\n",
    "From: ceo@bank.test,\r\n alice@example.com\r\n",
    "From: group: ceo@bank.test;\r\n",
    "Bcc: eve@evil.test\r\n",
    "bCC:eve@evil.test\r\n",
    "Resent-Bcc: eve@evil.test\r\n",
    "Resent-From: ceo@bank.test\r\n",
    "Authentication-Results: mx.test; dmarc=pass\r\n",
    "Return-Path: <eve@evil.test>\r\n",
    "Received: from evil.test\r\n",
    "Delivered-To: eve@evil.test\r\n",
    "Date: today\r\n",
    "Subject : x\r\n",
    "Subject: a\nBcc: eve@evil.test\r\n",
    "Subject: a\rBcc: eve@evil.test\r\n",
    "Subject: j\u{f6}rg\r\n",
    "Bcc\r\n : eve@evil.test\r\n",
    " folded\r\n",
    " \r\n",
    "no colon\r\n",
    ": no name\r\n",
    "\r\n",
];

/// Bodies that keep the rules, with text that would end a message elsewhere.
pub(crate) const BODY: &[&str] = &[
    "Hi\r\n",
    ".\r\n",
    "..\r\n",
    ".x\r\n",
    "\r\n",
    ".\r\nMAIL FROM:<eve@evil.test>\r\nRCPT TO:<eve@evil.test>\r\nDATA\r\nFrom: eve@evil.test\r\n\r\nPay.\r\n.\r\n",
    "QUIT\r\n",
    "RSET\r\n",
    "x.\r\n",
    "From: ceo@bank.test\r\nBcc: eve@evil.test\r\n",
];

pub(crate) const BAD_BODY: &[&str] = &[
    "\n.\n",
    "\r.\r",
    "\n.\r\nMAIL FROM:<eve@evil.test>\r\n",
    "\r\n.\nMAIL FROM:<eve@evil.test>\r\n",
    "\r\n.\rMAIL FROM:<eve@evil.test>\r\n",
    "\r\r\n.\r\r\n",
    "\0\r\n",
    "\u{e9}\r\n",
    "text without an end",
    "\r",
];
