//! The input of *Send mail*, from a file or from flags.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Map, Value, json};

use super::body::{Body, Parts};
use super::context::Context;
use super::stop::Stop;
use super::{question, standard_input, text};
use smtp_connector_host::attachments::FileUploads;
use smtp_connector_host::{Account, Delivered, Error, Invocation, Issue};

/// Where the input comes from, and the account it is for.
#[derive(Args, Debug)]
pub(crate) struct Input {
    /// A file with the input as JSON; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["flags", "body"])]
    input: Option<PathBuf>,

    // Beside the flags: a group with another in it has no members of its own for clap.
    #[command(flatten)]
    flags: Flags,

    #[command(flatten)]
    body: Body,

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

/// An invocation that is ready to run.
pub(crate) struct Prepared {
    pub(crate) invocation: Invocation,
    /// What the command itself finds odd about it.
    pub(crate) warnings: Vec<Issue>,
    pub(crate) origin: Origin,
}

/// Where an input came from: what a person can do about it depends on that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    form: Form,
    has_keywords: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    File,
    Flags,
    /// Without any option that says so.
    Piped,
}

/// What becomes of a mail that says nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// It is meant.
    Allowed,
    /// The person at the terminal is asked. Where there is none, a subject is enough.
    Asked,
    /// It is not sent now, and worth a warning.
    Warned,
}

impl Input {
    /// The account that is meant. None: there is none at all.
    pub(crate) fn account(&self, context: &Context<'_>) -> Result<Option<Arc<Account>>, Stop> {
        context.choose_account(self.account.as_deref())
    }

    /// The invocation that is meant.
    pub(crate) fn prepare(
        &self,
        context: &Context<'_>,
        account: Option<&Account>,
        empty: Empty,
    ) -> Result<Prepared, Stop> {
        self.check_readers()?;
        let mut uploads = FileUploads::new();
        for (id, path) in &self.upload {
            check_file(&format!("--upload {id}={}", path.display()), path)?;
            uploads = uploads.with(id, path);
        }
        let mut warnings = Vec::new();
        let input = match (&self.input, self.form()) {
            (Some(path), _) => read_json_text(context, path, "the input")?,
            (None, Form::Piped) => self.read_piped_input(context)?,
            (None, _) => {
                let is_taken = self.keywords.as_deref() == Some(Path::new("-"));
                let parts = self.body.read(context, is_taken)?;
                warnings.extend(self.flags.check_says_something(&parts, empty)?);
                let (input, files) = self.flags.input(&parts, uploads)?;
                warnings.extend(parts.warnings);
                uploads = files;
                input.to_string()
            }
        };
        let origin = Origin { form: self.form(), has_keywords: self.keywords.is_some() };
        let mut invocation = Invocation::send_mail(input).uploads(uploads);
        if let Some(path) = &self.keywords {
            let keywords = read_json_text(context, path, "the keywords")?;
            invocation = invocation.keywords(keywords);
        }
        if let Some(account) = account {
            invocation = invocation.account(account.name());
        }
        Ok(Prepared { invocation, warnings, origin })
    }

    fn form(&self) -> Form {
        match &self.input {
            Some(_) => Form::File,
            None if self.flags.is_empty() && self.body.is_empty() => Form::Piped,
            None => Form::Flags,
        }
    }

    /// Standard input is read once.
    fn check_readers(&self) -> Result<(), Stop> {
        let files = [&self.input, &self.keywords].into_iter().flatten();
        let readers = files.filter(|path| *path == Path::new("-")).count();
        if readers + self.body.readers() > 1 {
            let message = "several options read standard input (-), which can be read once; give one of them a file";
            return Err(Stop::Usage(message.to_owned()));
        }
        Ok(())
    }

    fn read_piped_input(&self, context: &Context<'_>) -> Result<String, Stop> {
        let piped = match self.keywords.as_deref() == Some(Path::new("-")) {
            true => None,
            false => standard_input::read_if_piped(context, "the input", "--input -")?,
        };
        match piped {
            Some(bytes) => decode_json(bytes, "standard input"),
            None => {
                let message = "there is no input: give --to and --subject, and the text with --text or through a \
                               pipe; or --input FILE with an input as JSON";
                Err(Stop::Usage(message.to_owned()))
            }
        }
    }
}

impl Origin {
    /// Adds to an error what this command has for it.
    pub(crate) fn teach(self, error: Error) -> Error {
        if error.issues().is_empty() || error.delivered() == Delivered::Unknown {
            return error;
        }
        let mut issues = error.issues().to_vec();
        self.name_options(&mut issues);
        let hint = self.hint(&issues);
        let taught = Error::invalid(issues);
        match hint {
            Some(hint) => taught.with_hint(hint),
            None => taught,
        }
    }

    /// Names the option that mends an issue, where the component, which knows none, could not.
    pub(crate) fn name_options(self, issues: &mut [Issue]) {
        for issue in issues {
            if issue.code == "missing-keyword" && !self.has_keywords {
                issue.message.push_str("; give them with --keywords FILE");
            }
        }
    }

    /// What to do about an input as a whole.
    pub(crate) fn hint(self, issues: &[Issue]) -> Option<&'static str> {
        if !issues.iter().any(|one| one.path == "$" && one.code == "invalid-json") {
            return None;
        }
        match self.form {
            Form::Flags => None,
            Form::File => Some(
                "an input is JSON, such as {\"to\": \"bob@example.com\", \"subject\": \"Hi\", \"text\": \"Hi, Bob!\"}; \
                 to send a file as the text, use --to, --subject and --text-file",
            ),
            Form::Piped => Some(
                "without options for its fields, a mail is piped as JSON; to send what is piped as the text, name \
                 the recipient with --to",
            ),
        }
    }
}

impl Flags {
    fn is_empty(&self) -> bool {
        let lists = [&self.to, &self.cc, &self.bcc, &self.reply_to, &self.attach, &self.header];
        let texts = [&self.from, &self.subject];
        lists.iter().all(|list| list.is_empty()) && texts.iter().all(|text| text.is_none())
    }

    /// Holds up a mail without body and attachment, of which its subject, if any, is all.
    fn check_says_something(&self, parts: &Parts, empty: Empty) -> Result<Option<Issue>, Stop> {
        let is_blank =
            |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
        let says_something =
            !is_blank(&parts.text) || !is_blank(&parts.html) || !self.attach.is_empty();
        if says_something || empty == Empty::Allowed {
            return Ok(None);
        }
        let has_subject = !is_blank(&self.subject);
        let what = match has_subject {
            true => "the mail has a subject and no text",
            false => "the mail has no text, no subject and no attachment",
        };
        if empty == Empty::Asked && question::can_ask() {
            return match question::confirm(&format!("{what}. Send it as it is?"))? {
                true => Ok(None),
                false => Err(Stop::Usage("nothing was sent".to_owned())),
            };
        }
        if empty == Empty::Asked && !has_subject {
            let message = format!(
                "{what}; pipe the text, or give --text, --text-file or --attach; \
                 to send it as it is, give --allow-empty"
            );
            return Err(Stop::Usage(message));
        }
        let message = format!("{what}; --allow-empty says that this is meant");
        Ok(Some(Issue { path: "text".to_owned(), code: "missing-value".to_owned(), message }))
    }

    /// The input that the flags stand for. Files become uploads, so that they are read while they are sent.
    fn input(&self, parts: &Parts, mut uploads: FileUploads) -> Result<(Value, FileUploads), Stop> {
        let mut input = Map::new();
        let texts = [
            ("from", &self.from),
            ("subject", &self.subject),
            ("text", &parts.text),
            ("html", &parts.html),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                input.insert(name.to_owned(), json!(text));
            }
        }
        for (name, list) in
            [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc), ("replyTo", &self.reply_to)]
        {
            if !list.is_empty() {
                input.insert(name.to_owned(), json!(list));
            }
        }
        let mut attachments = Vec::new();
        for (index, file) in self.attach.iter().enumerate() {
            if file.starts_with("https://") || file.starts_with("http://") {
                attachments.push(json!(file));
                continue;
            }
            check_file(&format!("--attach {file}"), Path::new(file))?;
            let id = format!("--attach {}", index + 1);
            attachments.push(json!({ "upload": id }));
            uploads = uploads.with(id, file);
        }
        if !attachments.is_empty() {
            input.insert("attachments".to_owned(), json!(attachments));
        }
        if !self.header.is_empty() {
            input.insert("headers".to_owned(), self.headers()?);
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

/// Refuses a file that cannot be attached, before anything is connected to.
fn check_file(option: &str, path: &Path) -> Result<(), Stop> {
    let found = fs::metadata(path);
    let message = match found {
        Ok(found) if found.is_dir() => {
            format!(
                "{option} is a folder; name the files in it, or pack it into one: zip -r folder.zip FOLDER"
            )
        }
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => {
            format!("{option}: there is no such file")
        }
        Err(reason) => format!("{option} cannot be read: {}", text::reason(&reason)),
        // Opened, since permissions alone do not tell. What is no file, such as a pipe, is opened when it is read.
        Ok(found) if found.is_file() => match fs::File::open(path) {
            Ok(_) => return Ok(()),
            Err(reason) => format!("{option} cannot be read: {}", text::reason(&reason)),
        },
        Ok(_) => return Ok(()),
    };
    Err(Stop::Usage(message))
}

/// Reads JSON. What is not even text is an input that is wrong.
fn read_json_text(context: &Context<'_>, path: &Path, what: &str) -> Result<String, Stop> {
    if path == Path::new("-") {
        return decode_json(standard_input::read(context, what)?, what);
    }
    let shown = path.display();
    if path.is_dir() {
        return Err(Stop::Usage(format!("{shown} is a folder; name the file that has {what}")));
    }
    let bytes = fs::read(path).map_err(|reason| {
        Stop::Usage(format!("{what} cannot be read from {shown}: {}", text::reason(&reason)))
    })?;
    decode_json(bytes, what)
}

fn decode_json(bytes: Vec<u8>, what: &str) -> Result<String, Stop> {
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
