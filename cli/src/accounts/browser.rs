//! Opens the user's browser.

/// Opens a URL in the user's browser. Returns whether a browser is likely to have opened.
pub(crate) fn open(url: &str) -> bool {
    has_display() && open::that_detached(url).is_ok()
}

/// Reports whether this session can show a browser. In a session over SSH, `xdg-open` may start a text browser, which
/// would take the terminal.
fn has_display() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let shows_itself = cfg!(any(windows, target_os = "macos"));
    shows_itself || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].into_iter().any(is_set)
}
