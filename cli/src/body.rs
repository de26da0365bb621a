//! The body of a mail from the command line: an option, a file or a pipe.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::context::Context;
use super::stop::Stop;
use super::{standard_input, text};
use smtp_connector_host::{Error, Issue};

/// The body options.
#[derive(Args, Debug)]
#[group(id = "body", multiple = true)]
pub(crate) struct Body {
    /// Text body; `-` reads standard input [default: piped input]
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,

    /// Read the text body from a UTF-8 file; `-` is standard input
    #[arg(long, value_name = "PATH", conflicts_with = "text")]
    text_file: Option<PathBuf>,

    /// HTML body; `-` reads standard input
    #[arg(long, value_name = "HTML")]
    html: Option<String>,

    /// Read the HTML body from a UTF-8 file; `-` is standard input
    #[arg(long, value_name = "PATH", conflicts_with = "html")]
    html_file: Option<PathBuf>,
}

/// The body parts that the options give.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
    /// Warnings about likely mistakes.
    pub(crate) warnings: Vec<Issue>,
}

impl Body {
    pub(crate) fn is_empty(&self) -> bool {
        self.options().iter().all(Option::is_none)
    }

    /// Returns the number of options that read standard input.
    pub(crate) fn readers(&self) -> usize {
        self.options().into_iter().flatten().filter(|value| *value == Path::new("-")).count()
    }

    fn options(&self) -> [Option<&Path>; 4] {
        let [text, html] = [&self.text, &self.html].map(|text| text.as_deref().map(Path::new));
        [text, html, self.text_file.as_deref(), self.html_file.as_deref()]
    }

    /// Reads the parts. If no body option is given, piped input is the text, unless another option reads it.
    pub(crate) fn read(&self, context: &Context<'_>, is_taken: bool) -> Result<Parts, Stop> {
        let mut parts = Parts::default();
        if self.is_empty() && !is_taken {
            let piped = standard_input::read_if_piped(context, "the text", "--text-file -")?;
            let text = piped.map(|bytes| decode(bytes, "standard input")).transpose()?;
            parts.text = text.filter(|text| !text.trim().is_empty());
            parts.warnings.extend(parts.text.as_deref().and_then(warning_of_input));
            return Ok(parts);
        }
        for (name, given, file, part) in [
            ("text", &self.text, &self.text_file, &mut parts.text),
            ("html", &self.html, &self.html_file, &mut parts.html),
        ] {
            *part = match (given.as_deref(), file) {
                (Some("-"), _) => Some(read_file(context, Path::new("-"), name)?),
                (Some(text), _) => {
                    parts.warnings.extend(warning_of_file(name, text));
                    Some(text.to_owned())
                }
                (None, Some(path)) => Some(read_file(context, path, name)?),
                (None, None) => None,
            };
        }
        Ok(parts)
    }
}

/// Returns a warning if a part is the name of a file: `--text notes.txt`, `--html @page.html`.
fn warning_of_file(name: &str, text: &str) -> Option<Issue> {
    let named = text.strip_prefix('@').unwrap_or(text);
    let is_name =
        |name: &str| name.len() < 4096 && !name.contains('\n') && Path::new(name).is_file();
    let file = [text, named].into_iter().find(|name| is_name(name))?;
    let message = format!(
        "the body is {text:?}, which is the name of a file, not the contents of the file; \
         to send the contents, use --{name}-file {file}"
    );
    Some(Issue { path: name.to_owned(), code: "local-path".to_owned(), message })
}

/// Returns a warning if the piped text is an input in JSON, which `--input -` would read.
fn warning_of_input(text: &str) -> Option<Issue> {
    let looks_like_json = text.trim_start().starts_with('{');
    let value: Value = looks_like_json.then(|| serde_json::from_str(text).ok()).flatten()?;
    value.get("to").or_else(|| value.get("subject"))?;
    let message = "the body is the piped text, which is JSON with the fields of a mail; to use it as the input, \
                   pass --input - without --to and other field options";
    Some(Issue {
        path: "text".to_owned(),
        code: "wrong-type".to_owned(),
        message: message.to_owned(),
    })
}

fn read_file(context: &Context<'_>, path: &Path, name: &str) -> Result<String, Stop> {
    if path == Path::new("-") {
        let bytes = standard_input::read(context, &format!("the {name} part"))?;
        return decode(bytes, "standard input");
    }
    let shown = path.display();
    if path.is_dir() {
        return Err(Stop::Usage(format!(
            "--{name}-file {shown} is a folder; give the path of a file"
        )));
    }
    let bytes = fs::read(path).map_err(|reason| {
        Stop::Usage(format!("could not read --{name}-file {shown}: {}", text::reason(&reason)))
    })?;
    decode(bytes, &shown.to_string())
}

/// Decodes UTF-8 text, with or without a byte order mark.
pub(crate) fn decode(bytes: Vec<u8>, place: &str) -> Result<String, Stop> {
    let from = match bytes.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16",
        // A guess, because the bytes do not tell: most text that is not UTF-8 has this encoding.
        _ => "WINDOWS-1252",
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("{place} is not UTF-8: byte {at} is not valid");
        let hint = format!("convert it first; if it is {from}, use `iconv -f {from} -t UTF-8`");
        let issue = Issue { path: "$".to_owned(), code: "invalid-character".to_owned(), message };
        Stop::Failed(Error::invalid(vec![issue]).with_hint(hint))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf_8_with_a_mark_or_without() {
        for (bytes, text) in
            [(&b"\xef\xbb\xbfGr\xc3\xbc\xc3\x9fe"[..], "Grüße"), (b"", ""), (b"a\r\nb", "a\r\nb")]
        {
            assert!(matches!(decode(bytes.to_vec(), "x"), Ok(found) if found == text));
        }
        for (bytes, at, from) in [
            (&b"Gr\xfc\xdfe"[..], "byte 2 ", "WINDOWS-1252"),
            (b"\xff\xfeH\0i\0", "byte 0 ", "UTF-16"),
        ] {
            let Err(Stop::Failed(error)) = decode(bytes.to_vec(), "page.html") else {
                panic!("it is not UTF-8")
            };
            assert!(
                error.to_string().contains("page.html") && error.to_string().contains(at),
                "{error}"
            );
            assert!(error.hint().is_some_and(|hint| hint.contains(from)), "{error:?}");
        }
    }
}
