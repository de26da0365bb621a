//! Compiled components, kept in a directory for the next start.
//!
//! wasmtime has a cache too; it compresses what it keeps, so every start takes it apart again, and the compressor is
//! C that every build compiles.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::digest::ComponentDigest;
use crate::private_files;

/// What a file is called that this wrote: nothing else in the directory is touched.
const EXTENSION: &str = "cwasm";

/// What is locked while a component is compiled: a file beside its own.
const LOCK: &str = "lock";

/// What nobody has used for so long is from a version that is no longer there.
const KEPT_UNUSED: Duration = Duration::from_hours(30 * 24);

/// How exactly it is known when a file was last used: to write it down on every start would cost every start.
const NOTED: Duration = Duration::from_hours(24);

/// How long another may compile before it is not waited for: one that was stopped never ends. Four times what it takes
/// with a compiler that is not optimised itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// A small part of the second that compiling takes.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A component as machine code, for every engine of the same settings.
pub(super) enum Code {
    Bytes(Vec<u8>),
    /// Mapped into memory: its pages are one for all engines and processes that run it.
    File(PathBuf),
}

impl Code {
    /// Compiles a component.
    pub(super) fn compile(engine: &Engine, component: &[u8]) -> wasmtime::Result<Self> {
        engine.precompile_component(component).map(Self::Bytes)
    }

    /// The component on an engine.
    #[expect(unsafe_code, reason = "it is machine code")]
    pub(super) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the code was compiled here, or is in a file that `private_files::write` put in its place whole, and that
        // is never written again; wasmtime refuses that of other versions and settings. On Unix, `Directory::load` and
        // `read` checked that no other user can write to it. Elsewhere the embedder sees to that: see
        // `HostBuilder::cache_directory`.
        unsafe {
            match self {
                Self::Bytes(bytes) => Component::deserialize(engine, bytes),
                Self::File(path) => Component::deserialize_file(engine, path),
            }
        }
    }
}

/// A directory of compiled components.
pub(super) struct Directory {
    path: PathBuf,
    /// Told that it is not used.
    told: Once,
}

impl Directory {
    /// At a path, where it is made for this user alone if it is not there.
    pub(super) fn at(path: &Path) -> Self {
        // Without it nothing can be kept: the next start is slower, and nothing else.
        let _ = private_files::create_directory(path);
        Self { path: path.to_owned(), told: Once::new() }
    }

    /// A component on an engine, and its code: as it was kept, or else compiled now, and kept. A directory that other
    /// users can write to is not used.
    pub(super) fn load(
        &self,
        engine: &Engine,
        component: &[u8],
    ) -> wasmtime::Result<(Component, Code)> {
        if let Err(exposed) = private_files::check_directory(&self.path) {
            self.told.call_once(|| {
                let hint = exposed.hint();
                tracing::warn!(%exposed, hint, "compiled components are neither kept nor used");
            });
            let code = Code::compile(engine, component)?;
            return Ok((code.load(engine)?, code));
        }
        let path = self.file(engine, component);
        if let Some(kept) = read(engine, &path) {
            return Ok(kept);
        }
        let _turn = Turn::wait(&path);
        // Whoever had it before has kept what is looked for.
        if let Some(kept) = read(engine, &path) {
            return Ok(kept);
        }
        let machine_code = engine.precompile_component(component)?;
        // As a whole: two processes may start at the same time.
        if private_files::write(&path, &machine_code).is_ok() {
            self.remove_unused();
            if let Some(kept) = read(engine, &path) {
                return Ok(kept);
            }
        }
        let code = Code::Bytes(machine_code);
        Ok((code.load(engine)?, code))
    }

    /// One name for each component and each way to compile it.
    fn file(&self, engine: &Engine, component: &[u8]) -> PathBuf {
        let mut settings = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut settings);
        let name = format!("{:016x}-{}", settings.finish(), ComponentDigest::of(component));
        self.path.join(name).with_extension(EXTENSION)
    }

    /// Best effort: a file that stays is one more file.
    fn remove_unused(&self) {
        for file in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = file.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION || extension == LOCK)
                && age(&path).is_some_and(|age| age > KEPT_UNUSED)
            {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// The turn to compile a component, of all threads and processes with the same directory: a platform that starts its
/// workers at the same time compiles once, and not once for each.
struct Turn {
    path: PathBuf,
    /// Locked until it is closed, which the system does too where a process dies.
    _lock: fs::File,
}

impl Turn {
    /// Waits for the turn to make a file. None where nothing can be locked, or the other is not done in time: then
    /// there are two that compile, and nothing else.
    fn wait(file: &Path) -> Option<Self> {
        let path = file.with_extension(LOCK);
        let mut options = fs::File::options();
        options.create(true).append(true);
        // Another user who could open it could lock it, and make this one wait.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.open(&path).ok()?;
        let started = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Some(Self { path, _lock: lock }),
                Err(fs::TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    thread::sleep(BETWEEN_LOOKS);
                }
                Err(_) => return None,
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Those that wait have it open: the next of them has its turn, and finds what was made.
        let _ = fs::remove_file(&self.path);
    }
}

/// None: it is not there, not for this engine, or others may have written it.
fn read(engine: &Engine, path: &Path) -> Option<(Component, Code)> {
    private_files::check_trusted(path, &fs::metadata(path).ok()?).ok()?;
    let code = Code::File(path.to_owned());
    let component = code.load(engine).ok()?;
    if age(path).is_some_and(|age| age > NOTED) {
        let _ = fs::File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    }
    Some((component, code))
}

fn age(path: &Path) -> Option<Duration> {
    fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest component that there is.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    /// One that can be told from it: it exports an instance that has nothing in it.
    #[cfg(unix)]
    const OTHER: &[u8] = b"\0asm\x0d\0\x01\0\x05\x03\x01\x01\0\x0b\x07\x01\0\x01x\x05\0\0";

    fn directory() -> (tempfile::TempDir, Directory) {
        let folder = tempfile::tempdir().expect("a directory can be made");
        let directory = Directory::at(folder.path());
        (folder, directory)
    }

    fn set_age(path: &Path, age: Duration) {
        let file =
            fs::File::options().create(true).append(true).open(path).expect("it can be made");
        file.set_modified(SystemTime::now() - age).expect("a time can be set");
    }

    #[test]
    fn a_component_is_compiled_once_and_read_the_next_time() {
        let ((_folder, directory), engine) = (directory(), Engine::default());
        let file = directory.file(&engine, EMPTY);
        directory.load(&engine, EMPTY).expect("it compiles");
        // Written again, it would be new.
        set_age(&file, NOTED / 2);
        directory.load(&engine, EMPTY).expect("it is there");
        assert!(age(&file).expect("it is there") >= NOTED / 2);
    }

    #[test]
    fn of_those_that_start_at_the_same_time_one_compiles() {
        let ((_folder, directory), engine) = (directory(), Engine::default());
        let file = directory.file(&engine, EMPTY);
        let turn = Turn::wait(&file).expect("nobody else has it");
        thread::scope(|scope| {
            let other = scope.spawn(|| directory.load(&engine, EMPTY).expect("it is loaded"));
            // Time enough to compile it: without the lock, it would.
            thread::sleep(Duration::from_millis(300));
            assert!(!file.exists(), "it does not wait");
            let machine_code = engine.precompile_component(EMPTY).expect("it compiles");
            private_files::write(&file, &machine_code).expect("it can be kept");
            set_age(&file, NOTED / 2);
            drop(turn);
            other.join().expect("it does not panic");
        });
        assert!(age(&file).expect("it is there") >= NOTED / 2, "it was compiled again");
    }

    #[test]
    fn whoever_uses_a_file_says_so_once_a_day() {
        let ((_folder, directory), engine) = (directory(), Engine::default());
        let file = directory.file(&engine, EMPTY);
        directory.load(&engine, EMPTY).expect("it compiles");
        set_age(&file, 2 * NOTED);
        directory.load(&engine, EMPTY).expect("it is there");
        assert!(age(&file).expect("it is there") < NOTED);
    }

    #[test]
    fn an_engine_with_other_settings_has_a_file_of_its_own() {
        let ((folder, directory), plain) = (directory(), Engine::default());
        let interrupted = Engine::new(wasmtime::Config::new().epoch_interruption(true));
        let interrupted = interrupted.expect("an engine");
        directory.load(&plain, EMPTY).expect("it compiles");
        directory.load(&interrupted, EMPTY).expect("it compiles");
        assert_eq!(fs::read_dir(folder.path()).expect("it can be read").count(), 2);
        let foreign = directory.file(&plain, EMPTY);
        assert!(read(&interrupted, &foreign).is_none(), "nor does it take the other's");
    }

    #[test]
    fn a_file_that_is_no_compiled_component_is_written_again() {
        let ((_folder, directory), engine) = (directory(), Engine::default());
        let file = directory.file(&engine, EMPTY);
        private_files::write(&file, b"half of a f").expect("it can be written");
        directory.load(&engine, EMPTY).expect("it compiles");
        assert!(read(&engine, &file).is_some());
    }

    /// Another component, compiled, at the place of one.
    #[cfg(unix)]
    fn with_planted() -> (tempfile::TempDir, Directory, PathBuf) {
        let ((folder, directory), engine) = (directory(), Engine::default());
        let file = directory.file(&engine, EMPTY);
        let machine_code = engine.precompile_component(OTHER).expect("it compiles");
        private_files::write(&file, &machine_code).expect("it can be kept");
        (folder, directory, file)
    }

    #[cfg(unix)]
    fn exports(component: &Component) -> usize {
        component.component_type().exports(component.engine()).count()
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_that_others_may_write_to_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        for mode in [0o777, 0o775, 0o1777] {
            let (folder, directory, file) = with_planted();
            let engine = Engine::default();
            let (component, _) = directory.load(&engine, EMPTY).expect("it is there");
            assert_eq!(exports(&component), 1, "it is the planted one that is found");
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(folder.path(), mode).expect("the mode is set");
            let (component, _) = directory.load(&engine, EMPTY).expect("it compiles");
            assert_eq!(exports(&component), 0, "what others may have written was run");
            fs::remove_file(&file).expect("it is there");
            directory.load(&engine, EMPTY).expect("it compiles");
            assert_eq!(fs::read_dir(folder.path()).expect("it can be read").count(), 0);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_write_is_not_run_and_is_replaced() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, directory, file) = with_planted();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("the mode is set");
        let (component, _) = directory.load(&Engine::default(), EMPTY).expect("it compiles");
        assert_eq!(exports(&component), 0, "what others may have written was run");
        let mode = fs::metadata(&file).expect("it is kept").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_directory_that_cannot_be_made_costs_time_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a directory can be made");
        let file = folder.path().join("file");
        fs::write(&file, b"").expect("it can be written");
        Directory::at(&file.join("below")).load(&Engine::default(), EMPTY).expect("it compiles");
    }

    #[test]
    fn what_nobody_has_used_for_a_month_goes_when_something_is_kept() {
        let (folder, directory) = directory();
        let [unused, foreign] = ["unused.cwasm", "notes.txt"].map(|name| folder.path().join(name));
        set_age(&unused, 2 * KEPT_UNUSED);
        set_age(&foreign, 2 * KEPT_UNUSED);
        directory.load(&Engine::default(), EMPTY).expect("it compiles");
        assert!(!unused.exists());
        assert!(foreign.exists(), "what it did not write is not its own");
    }
}
