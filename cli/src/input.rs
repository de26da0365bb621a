//! The input of *Send mail*, from a file or from options.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::Args;
use serde_json::{Map, Value, json};

use super::body::{Body, Parts};
use super::context::Context;
use super::stop::Stop;
use super::{question, standard_input, text};
use smtp_connector_host::attachments::FileUploads;
use smtp_connector_host::{Account, Delivered, Error, Invocation, Issue};

/// The options for the input and the account.
#[derive(Args, Debug)]
pub(crate) struct Input {
    /// Read the whole input from a JSON file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["flags", "body"])]
    input: Option<PathBuf>,

    // Not inside the flags: for clap, a group that contains another group has no members.
    #[command(flatten)]
    flags: Flags,

    #[command(flatten)]
    body: Body,

    /// Fill {{...}} placeholders with the values in this JSON file
    #[arg(long, value_name = "FILE")]
    keywords: Option<PathBuf>,

    /// Provide the file for {"upload": "ID"} in the input; repeatable
    #[arg(long, value_name = "ID=PATH", value_parser = parse_upload)]
    upload: Vec<(String, PathBuf)>,

    /// Account to use [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
}

/// The most common fields, as options.
#[derive(Args, Debug)]
#[group(id = "flags", multiple = true)]
struct Flags {
    /// Sender [default: the account's sender]
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// Recipient, or several separated by commas; repeatable
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
    /// Copy recipient, visible to all recipients (Cc); repeatable
    #[arg(long, value_name = "ADDRESS")]
    cc: Vec<String>,
    /// Copy recipient, hidden from all others (Bcc); repeatable
    #[arg(long, value_name = "ADDRESS")]
    bcc: Vec<String>,
    /// Address that replies go to; repeatable
    #[arg(long, value_name = "ADDRESS")]
    reply_to: Vec<String>,
    /// Subject
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// Attach a file or a URL; repeatable
    #[arg(long, value_name = "PATH")]
    attach: Vec<String>,
    /// Add a header, written "Name: value"; repeatable
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
    /// Warnings of the command itself.
    pub(crate) warnings: Vec<Issue>,
    pub(crate) origin: Origin,
}

/// The origin of an input, on which the hints for its errors depend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    form: Form,
    has_keywords: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    File,
    Flags,
    /// From standard input, without an option.
    Piped,
}

/// The treatment of files that are attached.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Files {
    /// They are uploads, which are read while the message is sent.
    Uploads,
    /// They are in the input, because another process sends the message later.
    Inline,
}

/// The treatment of a mail without a body and attachments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    /// Send it.
    Allowed,
    /// Ask the user. Without a terminal, send it if it has a subject.
    Asked,
    /// Warn, because this command does not send it.
    Warned,
}

impl Input {
    /// Returns the sender that the options name.
    pub(crate) fn sender(&self) -> Option<&str> {
        self.flags.from.as_deref()
    }

    /// Returns the chosen account, or `None` if there are no accounts.
    pub(crate) fn account(&self, context: &Context<'_>) -> Result<Option<Arc<Account>>, Stop> {
        context.choose_account(self.account.as_deref())
    }

    /// Prepares the invocation that the options describe.
    pub(crate) fn prepare(
        &self,
        context: &Context<'_>,
        account: Option<&Account>,
        empty: Empty,
        files: Files,
    ) -> Result<Prepared, Stop> {
        self.check_readers()?;
        if files == Files::Inline && !self.upload.is_empty() {
            let message = "--upload files are read when the mail is sent, by a worker that does not know them; \
                           use --attach, which queues the file with the mail";
            return Err(Stop::Usage(message.to_owned()));
        }
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
                let (input, files) = self.flags.input(&parts, uploads, files)?;
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
            invocation = invocation.with_account(account.clone());
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

    /// Refuses several options that read standard input, which can be read only once.
    fn check_readers(&self) -> Result<(), Stop> {
        let files = [&self.input, &self.keywords].into_iter().flatten();
        let readers = files.filter(|path| *path == Path::new("-")).count();
        if readers + self.body.readers() > 1 {
            let message = "several options read standard input (-), which can be read only once; \
                           use files for the others";
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
                let message = "there is no input; use --to, --subject and --text (or pipe the text), or use \
                               --input FILE for an input in JSON";
                Err(Stop::Usage(message.to_owned()))
            }
        }
    }
}

impl Origin {
    /// Adds this command's options and hints to an error.
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

    /// Adds the option that fixes an issue to its message. The component does not know the command's options.
    pub(crate) fn name_options(self, issues: &mut [Issue]) {
        for issue in issues {
            if issue.code == "missing-keyword" && !self.has_keywords {
                issue.message.push_str("; give the values with --keywords FILE");
            }
        }
    }

    /// Returns a hint for an input that is not JSON.
    pub(crate) fn hint(self, issues: &[Issue]) -> Option<&'static str> {
        if !issues.iter().any(|one| one.path == "$" && one.code == "invalid-json") {
            return None;
        }
        match self.form {
            Form::Flags => None,
            Form::File => Some(
                "the input must be JSON, such as {\"to\": \"bob@example.com\", \"subject\": \"Hi\", \"text\": \"Hi\"}; \
                 to send a file as the text, use --to, --subject and --text-file",
            ),
            Form::Piped => Some(
                "without --to and other field options, piped input must be JSON; to send it as the text, name the \
                 recipient with --to",
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

    /// Asks, warns or fails, as `empty` says, for a mail without a body and attachments.
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
            true => "the mail has a subject but no text",
            false => "the mail has no text, no subject and no attachment",
        };
        if empty == Empty::Asked && question::can_ask() {
            return match question::confirm(&format!("{what}. Send it anyway?"))? {
                true => Ok(None),
                false => Err(Stop::Usage("nothing was sent".to_owned())),
            };
        }
        if empty == Empty::Asked && !has_subject {
            let message = format!(
                "{what}; pipe the text, or use --text, --text-file or --attach; \
                 to send it anyway, use --allow-empty"
            );
            return Err(Stop::Usage(message));
        }
        let message = format!("{what}; if this is intended, use send --allow-empty");
        Ok(Some(Issue { path: "text".to_owned(), code: "missing-value".to_owned(), message }))
    }

    /// Builds the input from the flags.
    fn input(
        &self,
        parts: &Parts,
        mut uploads: FileUploads,
        files: Files,
    ) -> Result<(Value, FileUploads), Stop> {
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
            if files == Files::Inline {
                attachments.push(inline(Path::new(file))?);
                continue;
            }
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
                Stop::Usage(format!(
                    "--header {header:?} has no colon; write it as \"Name: value\""
                ))
            })?;
            let values = headers.entry(name.trim()).or_insert_with(|| json!([]));
            if let Value::Array(values) = values {
                values.push(json!(value.trim()));
            }
        }
        Ok(Value::Object(headers))
    }
}

/// Reads a file into an attachment.
fn inline(path: &Path) -> Result<Value, Stop> {
    let bytes = fs::read(path).map_err(|reason| {
        let reason = text::reason(&reason);
        Stop::Usage(format!("--attach {} cannot be read: {reason}", path.display()))
    })?;
    let name = path.file_name().map(|name| name.to_string_lossy());
    let content = BASE64_STANDARD.encode(bytes);
    Ok(json!({ "filename": name, "content": content, "encoding": "base64" }))
}

/// Refuses a file that cannot be attached, before the command connects to a server.
fn check_file(option: &str, path: &Path) -> Result<(), Stop> {
    let found = fs::metadata(path);
    let message = match found {
        Ok(found) if found.is_dir() => {
            format!(
                "{option} is a folder; name each file in it, or pack it into one file: zip -r folder.zip FOLDER"
            )
        }
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => {
            format!("{option}: no such file")
        }
        Err(reason) => format!("{option} cannot be read: {}", text::reason(&reason)),
        // Open it, because its permissions are not enough to tell. A pipe or a device is opened later, to be read.
        Ok(found) if found.is_file() => match fs::File::open(path) {
            Ok(_) => return Ok(()),
            Err(reason) => format!("{option} cannot be read: {}", text::reason(&reason)),
        },
        Ok(_) => return Ok(()),
    };
    Err(Stop::Usage(message))
}

/// Reads JSON as text. Bytes that are not UTF-8 are an issue of the input, not a usage error.
fn read_json_text(context: &Context<'_>, path: &Path, what: &str) -> Result<String, Stop> {
    if path == Path::new("-") {
        return decode_json(standard_input::read(context, what)?, what);
    }
    let shown = path.display();
    if path.is_dir() {
        return Err(Stop::Usage(format!(
            "{shown} is a folder; give the path of the file with {what}"
        )));
    }
    let bytes = fs::read(path).map_err(|reason| {
        Stop::Usage(format!("could not read {what} from {shown}: {}", text::reason(&reason)))
    })?;
    decode_json(bytes, what)
}

fn decode_json(bytes: Vec<u8>, what: &str) -> Result<String, Stop> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let issue = Issue {
            path: "$".to_owned(),
            code: "invalid-json".to_owned(),
            message: format!("{what} is not UTF-8: byte {at} is not valid"),
        };
        Stop::Failed(Error::invalid(vec![issue]))
    })
}
