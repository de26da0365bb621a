//! Files that hold secrets or decide what runs, and their folders.
//!
//! Other users must not be able to change these files, or to read secrets. The checks are the same as in ssh: the owner
//! is this user or root, and neither the group nor others may write. New files and folders are private to this user.
//! Systems other than Unix have access control lists, which are not checked.
//!
//! In two cases a secret with an open mode is accepted, because its user could not close it:
//!
//! | case | example | reason |
//! |---|---|---|
//! | it is mounted read-only into a container (0444) | Kubernetes, Docker | the container keeps other users away |
//! | root gave it to a group (0640), and the user is not root | PostgreSQL's keys | root chose the readers |

mod lock;
mod mount;
mod replace;

use std::fmt;
use std::fs::{self, DirBuilder, Metadata};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

use mount::Mount;

pub use lock::{Lock, LockError};
pub use replace::{remove_leftovers, replace, target_of};

/// A file or a folder that other users may change or read.
#[derive(Debug)]
pub struct Exposed {
    path: PathBuf,
    problem: Problem,
    /// Whether this user can change the owner and the mode, unless the mount is read-only.
    is_ours: bool,
    mount: Mount,
}

#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has checks"))]
enum Problem {
    /// Another user owns it.
    Owner(u32),
    /// A folder, or a file without secrets, with a mode that lets others write.
    Writable(u32),
    /// A secret with a mode that lets others read or write.
    Readable(u32),
}

/// Refuses a file that others may change.
pub fn check_trusted(path: &Path, file: &Metadata) -> Result<(), Exposed> {
    check(path, file, Kind::Trusted)
}

/// Refuses a file that others may read or change.
pub fn check_secret(path: &Path, file: &Metadata) -> Result<(), Exposed> {
    check(path, file, Kind::Secret)
}

/// Refuses a folder that others may change or replace. A missing folder passes, and is reported where it is used.
pub fn check_directory(path: &Path) -> Result<(), Exposed> {
    if let Ok(directory) = fs::metadata(path) {
        check(path, &directory, Kind::Trusted)?;
    }
    check_holders(path)
}

/// Refuses a path in a folder where others may replace it. In a sticky folder such as `/tmp`, only the owner may.
pub fn check_holders(path: &Path) -> Result<(), Exposed> {
    check_holder(path)?;
    // For a link, this also checks the folder of its target.
    fs::canonicalize(path).map_or(Ok(()), |real| check_holder(&real))
}

/// Refuses a link that another user created.
fn check_link(path: &Path) -> Result<(), Exposed> {
    fs::symlink_metadata(path).map_or(Ok(()), |found| check(path, &found, Kind::Link))
}

fn check_holder(path: &Path) -> Result<(), Exposed> {
    let holder = folder_of(path);
    fs::metadata(holder).map_or(Ok(()), |found| check(holder, &found, Kind::Holder))
}

/// Creates a directory and its parents, private to this user. An existing directory stays unchanged.
pub fn create_directory(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Writes a file atomically, private to this user. It does not write through a link that another user could have
/// planted.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder_of(path))?;
    file.write_all(bytes)?;
    // Without this, a power failure could leave part of the file.
    file.as_file().sync_data()?;
    file.persist(path)?;
    Ok(())
}

/// Writes a new file atomically, private to this user. If the file exists, the error kind is `AlreadyExists`.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_data()?;
    file.persist_noclobber(path)?;
    Ok(())
}

/// Makes the names of new files in a folder survive a power failure. Does nothing on systems other than Unix.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::File::open(directory)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

/// Opens a file for writing. A new file is private to this user. An existing file keeps its mode.
pub fn create(path: &Path) -> io::Result<fs::File> {
    open(path, fs::File::options().create(true).truncate(true))
}

/// Opens a new file for writing, private to this user. If the file exists, the error kind is `AlreadyExists`.
pub fn create_new(path: &Path) -> io::Result<fs::File> {
    open(path, fs::File::options().create_new(true))
}

fn open(path: &Path, options: &mut fs::OpenOptions) -> io::Result<fs::File> {
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

/// Makes a directory and its files private to this user, where this user may. Earlier versions left them open.
pub fn close_directory(directory: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // Skips links, which may lead anywhere.
        let close = |path: &Path, mode| {
            let found = fs::symlink_metadata(path).ok().filter(|found| !found.is_symlink());
            let is_open = found.is_some_and(|found| found.permissions().mode() & 0o077 != 0);
            is_open && fs::set_permissions(path, fs::Permissions::from_mode(mode)).is_ok()
        };
        if close(directory, 0o700) {
            for file in fs::read_dir(directory).into_iter().flatten().flatten() {
                if file.file_type().is_ok_and(|kind| kind.is_file()) {
                    close(&file.path(), 0o600);
                }
            }
        }
    }
    #[cfg(not(unix))]
    let _ = directory;
}

/// The kind of check for a file or a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A file that others must not change.
    Trusted,
    /// A file that others must not change or read.
    Secret,
    /// A folder with a file in it that others must not replace.
    Holder,
    /// A link, whose mode is ignored.
    Link,
}

#[cfg(unix)]
fn check(path: &Path, found: &Metadata, kind: Kind) -> Result<(), Exposed> {
    use std::os::unix::fs::MetadataExt as _;
    let user = rustix::process::geteuid().as_raw();
    let Some(problem) = problem(found.uid(), found.mode() & 0o7777, user, kind) else {
        return Ok(());
    };
    let mount = Mount::of(path);
    if mount == Mount::Sealed && !matches!(problem, Problem::Owner(_)) {
        return Ok(());
    }
    let is_ours = user == ROOT || found.uid() == user;
    Err(Exposed { path: path.to_owned(), problem, is_ours, mount })
}

#[cfg(not(unix))]
fn check(_: &Path, _: &Metadata, _: Kind) -> Result<(), Exposed> {
    Ok(())
}

#[cfg(unix)]
const ROOT: u32 = 0;

#[cfg(unix)]
fn problem(owner: u32, mode: u32, user: u32, kind: Kind) -> Option<Problem> {
    const STICKY: u32 = 0o1000;
    // Root lets a group read it, and no other user.
    let is_given = owner == ROOT && user != ROOT && mode & 0o037 == 0;
    match kind {
        _ if owner != user && owner != ROOT => Some(Problem::Owner(owner)),
        Kind::Link => None,
        Kind::Secret if is_given => None,
        Kind::Secret if mode & 0o077 != 0 => Some(Problem::Readable(mode)),
        Kind::Holder if mode & STICKY != 0 => None,
        _ if mode & 0o022 != 0 => Some(Problem::Writable(mode)),
        _ => None,
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

impl Exposed {
    /// Returns the fix: a command that this user can run, or a request to an administrator.
    pub fn hint(&self) -> String {
        let path = self.path.display();
        if self.mount != Mount::Writable {
            return format!(
                "the file is on a read-only mount: mount it with mode 0400 (in Kubernetes, defaultMode: 0400), \
                 or copy it into your own folder: install -m 600 {path} FOLDER"
            );
        }
        let sudo = if self.is_ours { "" } else { "sudo " };
        match self.problem {
            Problem::Owner(_) => {
                format!("check its content, then run: {sudo}chown \"$(id -un)\" {path}")
            }
            Problem::Writable(_) => format!("{sudo}chmod go-w {path}"),
            Problem::Readable(_) if self.is_ours => format!("chmod 600 {path}"),
            // With mode 600, this user could not read it either.
            Problem::Readable(_) => {
                format!("sudo chgrp \"$(id -gn)\" {path} && sudo chmod 640 {path}")
            }
        }
    }
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.problem {
            Problem::Owner(user) => write!(f, "another user (uid {user}) owns {path}"),
            Problem::Writable(mode) => write!(f, "others may write to {path} (mode {mode:o})"),
            Problem::Readable(mode) => {
                write!(f, "others may read {path}, which holds a secret (mode {mode:o})")
            }
        }
    }
}

impl std::error::Error for Exposed {}

impl From<Exposed> for Failure {
    /// Converts a problem with a file that an account names.
    fn from(exposed: Exposed) -> Self {
        Self::of_settings(exposed.to_string()).hint(exposed.hint())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    }

    #[test]
    fn the_owner_is_the_user_or_root_and_others_cannot_write() {
        use Problem::{Owner, Readable, Writable};
        for (owner, mode, kind, expected) in [
            (500, 0o644, Kind::Trusted, None),
            (0, 0o755, Kind::Trusted, None),
            (501, 0o600, Kind::Trusted, Some(Owner(501))),
            (500, 0o664, Kind::Trusted, Some(Writable(0o664))),
            (500, 0o602, Kind::Trusted, Some(Writable(0o602))),
            (500, 0o1777, Kind::Trusted, Some(Writable(0o1777))),
            (500, 0o600, Kind::Secret, None),
            (0, 0o400, Kind::Secret, None),
            (0, 0o640, Kind::Secret, None),
            (0, 0o440, Kind::Secret, None),
            (0, 0o660, Kind::Secret, Some(Readable(0o660))),
            (0, 0o444, Kind::Secret, Some(Readable(0o444))),
            (500, 0o640, Kind::Secret, Some(Readable(0o640))),
            (500, 0o604, Kind::Secret, Some(Readable(0o604))),
            (501, 0o600, Kind::Secret, Some(Owner(501))),
            (0, 0o1777, Kind::Holder, None),
            (0, 0o777, Kind::Holder, Some(Writable(0o777))),
            (501, 0o1777, Kind::Holder, Some(Owner(501))),
        ] {
            assert_eq!(problem(owner, mode, 500, kind), expected, "{owner} {mode:o}");
        }
        // For root, no other user and no group is trusted.
        assert_eq!(problem(500, 0o600, 0, Kind::Trusted), Some(Owner(500)));
        assert_eq!(problem(0, 0o640, 0, Kind::Secret), Some(Readable(0o640)));
    }

    #[test]
    fn a_hint_can_be_followed() {
        let hint = |problem, is_ours, mount| {
            Exposed { path: "/secret".into(), problem, is_ours, mount }.hint()
        };
        use Problem::{Owner, Readable, Writable};
        for problem in [Owner(500), Readable(0o444), Writable(0o777)] {
            let told = hint(problem, true, Mount::ReadOnly);
            assert!(!told.contains("chmod") && !told.contains("chown"), "{told}");
            assert!(told.contains("install -m 600 /secret"), "{told}");
        }
        assert_eq!(hint(Readable(0o444), true, Mount::Writable), "chmod 600 /secret");
        let told = hint(Readable(0o444), false, Mount::Writable);
        assert!(told.contains("chgrp") && told.contains("chmod 640"), "{told}");
    }

    #[test]
    fn what_others_could_replace_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let base = fs::canonicalize(folder.path()).expect("it is there");
        let [inner, file, link] = ["inner", "inner/file", "link"].map(|name| base.join(name));
        create_directory(&inner).expect("it can be made");
        write(&file, b"x").expect("it can be written");
        symlink(&file, &link).expect("a link can be made");
        let check = |path: &Path| {
            check_trusted(path, &fs::metadata(path).expect("it is there"))?;
            check_holders(path)
        };
        check(&file).expect("only its owner may write to it");
        check(&link).expect("nor to what it leads to");
        check_directory(&inner).expect("nor to its folder");
        for (open, at) in [(&file, &file), (&inner, &file), (&inner, &link), (&base, &link)] {
            let before = mode_of(open);
            set_mode(open, 0o777);
            let exposed = check(at).expect_err("others may replace it");
            assert_eq!(exposed.path, *open);
            assert_eq!(exposed.hint(), format!("chmod go-w {}", open.display()));
            set_mode(open, before);
        }
        set_mode(&base, 0o777);
        assert!(check_directory(&inner).is_err(), "others may rename it");
        set_mode(&base, 0o1777);
        check_directory(&inner).expect("not in a sticky folder");
    }

    #[test]
    fn a_file_is_written_for_its_owner_and_never_through_a_link() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let [file, victim] = ["file", "victim"].map(|name| folder.path().join(name));
        fs::write(&victim, "precious").expect("it can be written");
        symlink(&victim, &file).expect("a link can be made");
        write(&file, b"s3cr3t").expect("it can be written");
        assert_eq!(fs::read_to_string(&victim).expect("it is there"), "precious");
        assert_eq!(
            (fs::read(&file).expect("it is there"), mode_of(&file)),
            (b"s3cr3t".to_vec(), 0o600)
        );
    }

    #[test]
    fn a_new_file_is_its_owners_alone_and_another_keeps_its_mode() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = folder.path().join("file");
        create(&file).expect("it can be made");
        assert_eq!(mode_of(&file), 0o600);
        set_mode(&file, 0o644);
        create(&file).expect("it can be written to");
        assert_eq!(mode_of(&file), 0o644);
    }

    #[test]
    fn an_open_directory_is_closed_with_its_files_and_not_with_what_links_lead_to() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let [store, outside] = ["store", "outside"].map(|name| folder.path().join(name));
        let [file, link] = ["file", "link"].map(|name| store.join(name));
        create_directory(&store).expect("it can be made");
        fs::write(&file, "x").expect("it can be written");
        fs::write(&outside, "x").expect("it can be written");
        symlink(&outside, &link).expect("a link can be made");
        for path in [&file, &outside] {
            set_mode(path, 0o644);
        }
        set_mode(&store, 0o755);
        close_directory(&store);
        assert_eq!([&store, &file, &outside].map(|path| mode_of(path)), [0o700, 0o600, 0o644]);
    }
}
