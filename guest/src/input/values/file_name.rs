//! File names of attachments that are safe to save under.

use super::address::is_invisible;

/// A file name without directories, control and bidirectional characters, at most 255 bytes long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName(String);

/// The longest file name in bytes on common file systems.
const MAX_LENGTH: usize = 255;
/// The longest extension in bytes that is kept, with its dot.
const MAX_EXTENSION: usize = 20;

impl FileName {
    /// Makes a file name from a text, and reports whether it changed. Returns `None` if no usable character is left.
    pub fn sanitise(text: &str) -> Option<(Self, bool)> {
        let base = text.rsplit(['/', '\\']).next().unwrap_or_default();
        let kept: String = base.chars().filter(|&c| !c.is_control() && !is_invisible(c)).collect();
        let trimmed = kept.trim();
        if trimmed.trim_matches('.').is_empty() {
            return None;
        }
        let name = shorten(trimmed);
        let changed = name != text;
        Some((Self(name), changed))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shortens a name but keeps its extension.
fn shorten(name: &str) -> String {
    if name.len() <= MAX_LENGTH {
        return name.to_owned();
    }
    let extension = match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= MAX_EXTENSION => &name[dot..],
        _ => "",
    };
    let mut end = MAX_LENGTH - extension.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sanitised(text: &str) -> Option<String> {
        FileName::sanitise(text).map(|(name, _)| name.0)
    }

    #[test]
    fn directories_go() {
        for (text, name) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\a.exe", "a.exe"),
            ("a/b\\c.txt", "c.txt"),
            ("report.pdf", "report.pdf"),
        ] {
            assert_eq!(sanitised(text).as_deref(), Some(name), "{text}");
        }
        for nothing in ["", "..", "...", "a/", " ", "\u{202e}"] {
            assert_eq!(sanitised(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn characters_without_a_shape_go() {
        for (text, name) in [
            ("a\0.exe.txt", "a.exe.txt"),
            ("in\tvoice\u{7f}.pdf", "invoice.pdf"),
            ("a\r\nX-Inj: 1.pdf", "aX-Inj: 1.pdf"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
        ] {
            assert_eq!(sanitised(text).as_deref(), Some(name));
            assert!(FileName::sanitise(text).unwrap().1);
        }
        assert!(!FileName::sanitise("résumé ✓.pdf").unwrap().1);
    }

    #[test]
    fn a_long_name_keeps_its_extension_and_whole_characters() {
        let name = sanitised(&format!("{}.pdf", "ü".repeat(300))).unwrap();
        assert!(name.len() <= MAX_LENGTH && name.ends_with("ü.pdf"), "{}", name.len());
        assert_eq!(sanitised(&"a".repeat(300)).unwrap().len(), MAX_LENGTH);
        assert_eq!(sanitised(&format!("a.{}", "b".repeat(300))).unwrap().len(), MAX_LENGTH);
    }
}
