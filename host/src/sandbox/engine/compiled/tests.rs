//! Tests of the cache directory: its files, its permissions and its events.

use std::thread;

use super::*;

/// The smallest valid component.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

/// A different component. It exports an empty instance.
#[cfg(unix)]
const OTHER: &[u8] = b"\0asm\x0d\0\x01\0\x05\x03\x01\x01\0\x0b\x07\x01\0\x01x\x05\0\0";

fn directory() -> (tempfile::TempDir, Directory) {
    let folder = tempfile::tempdir().expect("a directory can be made");
    let directory = Directory::at(folder.path(), None);
    (folder, directory)
}

fn set_age(path: &Path, age: Duration) {
    let file = fs::File::options().create(true).append(true).open(path).expect("it can be made");
    file.set_modified(SystemTime::now() - age).expect("a time can be set");
}

#[test]
fn a_component_is_compiled_once_and_read_the_next_time() {
    let ((_folder, directory), engine) = (directory(), Engine::default());
    let file = directory.file(&engine, EMPTY);
    directory.load(&engine, EMPTY).expect("it compiles");
    // If it were written again, its age would be zero.
    set_age(&file, NOTED / 2);
    directory.load(&engine, EMPTY).expect("it is there");
    assert!(age(&file).expect("it is there") >= NOTED / 2);
}

#[test]
fn of_those_that_start_at_the_same_time_one_compiles() {
    let ((_folder, directory), engine) = (directory(), Engine::default());
    let file = directory.file(&engine, EMPTY);
    let lock = CompileLock::wait(&file).expect("nobody else has it");
    thread::scope(|scope| {
        let other = scope.spawn(|| directory.load(&engine, EMPTY).expect("it is loaded"));
        // Enough time to compile the component, which would happen without the lock.
        thread::sleep(Duration::from_millis(300));
        assert!(!file.exists(), "it does not wait");
        let machine_code = engine.precompile_component(EMPTY).expect("it compiles");
        private_files::write(&file, &machine_code).expect("it can be kept");
        set_age(&file, NOTED / 2);
        drop(lock);
        other.join().expect("it does not panic");
    });
    assert!(age(&file).expect("it is there") >= NOTED / 2, "it was compiled again");
}

#[test]
fn the_time_of_use_is_updated_once_a_day() {
    let ((_folder, directory), engine) = (directory(), Engine::default());
    let file = directory.file(&engine, EMPTY);
    directory.load(&engine, EMPTY).expect("it compiles");
    set_age(&file, 2 * NOTED);
    directory.load(&engine, EMPTY).expect("it is there");
    assert!(age(&file).expect("it is there") < NOTED);
}

#[test]
fn an_engine_with_other_settings_has_a_separate_file() {
    let ((folder, directory), plain) = (directory(), Engine::default());
    let interrupted = Engine::new(wasmtime::Config::new().epoch_interruption(true));
    let interrupted = interrupted.expect("an engine");
    directory.load(&plain, EMPTY).expect("it compiles");
    directory.load(&interrupted, EMPTY).expect("it compiles");
    assert_eq!(fs::read_dir(folder.path()).expect("it can be read").count(), 2);
    let foreign = directory.file(&plain, EMPTY);
    assert!(read(&interrupted, &foreign).is_none(), "the other engine's file is not used");
}

#[test]
fn an_invalid_compiled_component_is_written_again() {
    let ((_folder, directory), engine) = (directory(), Engine::default());
    let file = directory.file(&engine, EMPTY);
    private_files::write(&file, b"half of a f").expect("it can be written");
    directory.load(&engine, EMPTY).expect("it compiles");
    assert!(read(&engine, &file).is_some());
}

/// Puts another compiled component in the place of the expected one.
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
        assert_eq!(exports(&component), 1, "the planted component is loaded");
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(folder.path(), mode).expect("the mode is set");
        let (component, _) = directory.load(&engine, EMPTY).expect("it compiles");
        assert_eq!(exports(&component), 0, "a file that others may have written was run");
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
    assert_eq!(exports(&component), 0, "a file that others may have written was run");
    let mode = fs::metadata(&file).expect("it is kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Loads a component from a directory, twice in a process, and returns the events.
fn told(path: &Path) -> Vec<String> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&told);
    let observer: CacheObserver = Arc::new(move |event: &CacheEvent| {
        seen.lock().expect("nobody panicked").push(format!("{event:?}"));
    });
    let engine = Engine::default();
    for _ in 0..2 {
        // As after a restart of the host within the same process.
        let directory = Directory::at(path, Some(Arc::clone(&observer)));
        for _ in 0..2 {
            directory.load(&engine, EMPTY).expect("it compiles");
        }
    }
    let told = told.lock().expect("nobody panicked");
    told.clone()
}

#[test]
fn a_directory_that_cannot_be_created_costs_one_compilation_per_process_and_is_reported() {
    let folder = tempfile::tempdir().expect("a directory can be made");
    let file = folder.path().join("file");
    fs::write(&file, b"").expect("it can be written");
    let told = told(&file.join("below"));
    let compiled = told.iter().filter(|event| event.starts_with("Compiling")).count();
    assert_eq!(compiled, 1, "{told:?}");
    assert!(!told.iter().any(|event| event.contains("keep: true")), "{told:?}");
    let unusable: Vec<_> = told.iter().filter(|event| event.starts_with("Unus")).collect();
    assert_eq!(unusable.len(), 2, "once for each host: {told:?}");
    assert!(unusable[0].contains("cannot be written to: not a directory"), "{told:?}");
}

#[cfg(unix)]
#[test]
fn a_directory_that_is_not_used_costs_one_compilation_in_a_process() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a directory can be made");
    let mode = fs::Permissions::from_mode(0o777);
    fs::set_permissions(folder.path(), mode).expect("the mode is set");
    let told = told(folder.path());
    assert_eq!(told.iter().filter(|event| event.starts_with("Compiling")).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|event| event.contains("go-w")).count(), 2, "{told:?}");
}

#[test]
fn a_cached_component_reports_no_compilation() {
    let folder = tempfile::tempdir().expect("a directory can be made");
    assert_eq!(told(folder.path()), ["Compiling { keep: true }"]);
}

#[test]
fn files_unused_for_a_month_are_removed_when_a_file_is_written() {
    let (folder, directory) = directory();
    let [unused, foreign] = ["unused.cwasm", "notes.txt"].map(|name| folder.path().join(name));
    set_age(&unused, 2 * KEPT_UNUSED);
    set_age(&foreign, 2 * KEPT_UNUSED);
    directory.load(&Engine::default(), EMPTY).expect("it compiles");
    assert!(!unused.exists());
    assert!(foreign.exists(), "files of others are kept");
}
