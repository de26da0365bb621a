//! The input of *Send mail*, from a file or from flags.

use std::fs;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::Stop;
use super::context::Context;
use crate::attachments::FileUploads;
use crate::{Error, Invocation, Issue};

/// Where the input comes from, and the account it is for.
#[derive(Args, Debug)]
pub(crate) struct Input {
    /// A file with the input as JSON; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "flags")]
    input: Option<PathBuf>,

    #[command(flatten)]
    flags: Flags,

    /// A file with keywords as JSON: what {{...}} in the input stands for
    #[arg(long, value_name = "FILE")]
    keywords: Option<PathBuf>,

    /// A file that the input calls {"upload": "ID"}; may be repeated
    #[arg(long, value_name = "ID=PATH", value_parser = parse_upload)]
    upload: Vec<(String, PathBuf)>,

    /// The account; the only one, if there is only one
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
}

/// The commonest fields, for the command line.
#[derive(Args, Debug)]
#[group(id = "flags", multiple = true)]
struct Flags {
    /// Sender; default: the account's
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// Receiver; may be repeated, or a list
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
    /// Who gets a copy and is shown
    #[arg(long, value_name = "ADDRESS")]
    cc: Vec<String>,
    /// Who gets a copy and is not shown
    #[arg(long, value_name = "ADDRESS")]
    bcc: Vec<String>,
    /// Where answers go
    #[arg(long, value_name = "ADDRESS")]
    reply_to: Vec<String>,
    /// Subject
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// The text part; `-` is standard input
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// The HTML part; `-` is standard input
    #[arg(long, value_name = "HTML")]
    html: Option<String>,
    /// A file, or a URL, to attach; may be repeated
    #[arg(long, value_name = "PATH")]
    attach: Vec<String>,
    /// A header of your own, as "Name: value"; may be repeated
    #[arg(long, value_name = "HEADER")]
    header: Vec<String>,
}

fn parse_upload(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((id, path)) if !id.is_empty() && !path.is_empty() => Ok((id.to_owned(), path.into())),
        _ => Err("write it as ID=PATH".to_owned()),
    }
}

impl Input {
    /// The invocation that is meant.
    pub(crate) fn invocation(&self, context: &Context<'_>) -> Result<Invocation, Stop> {
        let mut uploads = FileUploads::new();
        for (id, path) in &self.upload {
            uploads = uploads.with(id, path);
        }
        let input = match &self.input {
            Some(path) => read_json_text(path, "the input")?,
            None if self.flags.is_empty() => {
                if io::stdin().is_terminal() {
                    let message =
                        "there is no input: give --input FILE, or flags such as --to and --subject";
                    return Err(Stop::Usage(message.to_owned()));
                }
                read_json_text(Path::new("-"), "the input")?
            }
            None => {
                let (input, files) = self.flags.input(uploads)?;
                uploads = files;
                input.to_string()
            }
        };
        let mut invocation = Invocation::send_mail(input).uploads(uploads);
        if let Some(path) = &self.keywords {
            invocation = invocation.keywords(read_json_text(path, "the keywords")?);
        }
        match context.choose_account(self.account.as_deref())? {
            Some(account) => Ok(invocation.account(account.name())),
            None => Ok(invocation),
        }
    }
}

impl Flags {
    fn is_empty(&self) -> bool {
        let lists = [&self.to, &self.cc, &self.bcc, &self.reply_to, &self.attach, &self.header];
        let texts = [&self.from, &self.subject, &self.text, &self.html];
        lists.iter().all(|list| list.is_empty()) && texts.iter().all(|text| text.is_none())
    }

    /// The input that the flags stand for. Files become uploads, so that they are read while they are sent.
    fn input(&self, mut uploads: FileUploads) -> Result<(Value, FileUploads), Stop> {
        let mut input = Map::new();
        let mut set = |name: &str, value: Value| input.insert(name.to_owned(), value);
        if let Some(from) = &self.from {
            set("from", json!(from));
        }
        for (name, list) in
            [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc), ("replyTo", &self.reply_to)]
        {
            if !list.is_empty() {
                set(name, json!(list));
            }
        }
        if let Some(subject) = &self.subject {
            set("subject", json!(subject));
        }
        for (name, text) in [("text", &self.text), ("html", &self.html)] {
            match text.as_deref() {
                None => {}
                Some("-") => {
                    set(name, json!(read_text(Path::new("-"), name)?));
                }
                Some(text) => {
                    set(name, json!(text));
                }
            }
        }
        let mut attachments = Vec::new();
        for (index, file) in self.attach.iter().enumerate() {
            if file.starts_with("https://") || file.starts_with("http://") {
                attachments.push(json!(file));
                continue;
            }
            if !Path::new(file).is_file() {
                let message = format!("--attach {file}: there is no such file");
                return Err(Stop::Usage(message));
            }
            let id = format!("--attach {}", index + 1);
            attachments.push(json!({ "upload": id }));
            uploads = uploads.with(id, file);
        }
        if !attachments.is_empty() {
            set("attachments", json!(attachments));
        }
        if !self.header.is_empty() {
            set("headers", self.headers()?);
        }
        Ok((Value::Object(input), uploads))
    }

    fn headers(&self) -> Result<Value, Stop> {
        let mut headers = Map::new();
        for header in &self.header {
            let (name, value) = header.split_once(':').ok_or_else(|| {
                Stop::Usage(format!("--header {header:?}: write it as \"Name: value\""))
            })?;
            let values = headers.entry(name.trim()).or_insert_with(|| json!([]));
            if let Value::Array(values) = values {
                values.push(json!(value.trim()));
            }
        }
        Ok(Value::Object(headers))
    }
}

/// Reads JSON. What is not even text is an input that is wrong.
fn read_json_text(path: &Path, what: &str) -> Result<String, Stop> {
    let bytes = read(path, what)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let issue = Issue {
            path: "$".to_owned(),
            code: "invalid-json".to_owned(),
            message: format!("{what} is not UTF-8, from byte {at} on"),
        };
        Stop::Failed(Error::invalid(vec![issue]))
    })
}

fn read_text(path: &Path, what: &str) -> Result<String, Stop> {
    let bytes = read(path, what)?;
    String::from_utf8(bytes).map_err(|_| Stop::Usage(format!("{what} is not UTF-8")))
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, Stop> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    read.map_err(|reason| {
        Stop::Usage(format!("{what} cannot be read from {}: {reason}", path.display()))
    })
}
