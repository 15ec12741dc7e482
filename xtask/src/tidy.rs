//! The rules of the house that no compiler knows.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use regex::Regex;
use walkdir::WalkDir;

/// Longest file, in lines that are neither blank nor comment.
const CODE_LINES: usize = 350;

/// How many lines above an atomic operation its note may stand.
const NOTE_WITHIN: usize = 14;

/// Looks at every source file; lists all that is amiss.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut amiss = Vec::new();
    for folder in [
        "rejoin",
        "macros",
        "wait-group",
        "io",
        "ladder",
        "xtask",
        "bench/src",
        "bench/http",
    ] {
        for entry in WalkDir::new(root.join(folder)).sort_by_file_name() {
            let entry = entry.context("the tree cannot be walked")?;
            let path = entry.path();
            let skipped = path.components().any(|part| part.as_os_str() == "target");
            if skipped || path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
            let name = path.strip_prefix(root)?.display().to_string();
            amiss.extend(look(&name, &text));
        }
    }
    for page in ["rejoin/tests/peers.md", "rejoin/GUARANTEES.md"] {
        let text = fs::read_to_string(root.join(page))?;
        let module = |module: &str| module_text(root, module);
        amiss.extend(missing_tests(page, &text, module));
    }
    if !amiss.is_empty() {
        bail!("{}\n{} things to tidy up", amiss.join("\n"), amiss.len());
    }
    println!("tidy: nothing to tidy up");
    Ok(())
}

/// The file in which a test is that a page calls `module::test`: of the large suite, a suite of its own, a model; or one
/// of those of the crate `rejoin-io`, if it begins with `io/`.
fn module_text(root: &Path, module: &str) -> String {
    let (package, module) = module
        .strip_prefix("io/")
        .map_or(("rejoin", module), |module| ("io", module));
    let places = ["tests/it", "tests", "src"];
    let files = places.map(|place| root.join(format!("{package}/{place}/{module}.rs")));
    let text = files.iter().find_map(|file| fs::read_to_string(file).ok());
    text.unwrap_or_default()
}

/// Tests that a page names, and that are not there.
fn missing_tests(page: &str, text: &str, module: impl Fn(&str) -> String) -> Vec<String> {
    let name = Regex::new(r"`([\w/]+)::(\w+)`").expect("a valid pattern");
    let named = name.captures_iter(text);
    let missing = named.filter(|name| !module(&name[1]).contains(&format!("fn {}()", &name[2])));
    missing
        .map(|name| format!("{page}: there is no test {}::{}", &name[1], &name[2]))
        .collect()
}

/// What is amiss in one file.
fn look(name: &str, text: &str) -> Vec<String> {
    let mut amiss = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    let code = lines
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count();
    if code > CODE_LINES {
        amiss.push(format!(
            "{name}: {code} lines of code, more than {CODE_LINES}"
        ));
    }
    if is_library(name) {
        amiss.extend(atomics(name, &lines));
    }
    amiss
}

/// The libraries' own code: not their tests and examples, nor the models.
fn is_library(name: &str) -> bool {
    let libraries = ["rejoin/src", "wait-group/src", "io/src", "ladder/src"];
    libraries.iter().any(|library| name.starts_with(library)) && !name.contains("/model")
}

/// Atomics come through `sync.rs`, and each operation says what its ordering is for.
fn atomics(name: &str, lines: &[&str]) -> Vec<String> {
    let std_atomics = Regex::new(r"(std|core)::sync::atomic").expect("a valid pattern");
    let ordering = Regex::new(r"\b(Relaxed|Acquire|Release|AcqRel|SeqCst)\b").expect("likewise");
    let note = Regex::new(r"//.*(Ordering:|[Ff]ence)").expect("likewise");
    let mut amiss = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let trimmed = line.trim();
        if trimmed.starts_with("//") {
            continue;
        }
        if trimmed.starts_with("#[cfg(") && trimmed.contains("test") && !trimmed.contains("not(all")
        {
            // The unit tests at the end of the file.
            break;
        }
        if name.ends_with("/sync.rs") {
            continue;
        }
        if std_atomics.is_match(line) {
            amiss.push(format!(
                "{name}:{}: atomics come through sync.rs",
                index + 1
            ));
        }
        let used = ordering.is_match(trimmed) && !trimmed.starts_with("use ");
        let above = &lines[index.saturating_sub(NOTE_WITHIN)..index];
        if used && !above.iter().any(|line| note.is_match(line)) {
            amiss.push(format!("{name}:{}: no `Ordering:` note above", index + 1));
        }
    }
    amiss
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordering_without_a_note_is_found() {
        let text = "fn f() {\n    self.x.load(Ordering::Relaxed);\n}\n";
        assert_eq!(look("rejoin/src/x.rs", text).len(), 1);
        let noted = "fn f() {\n    // Ordering: Relaxed; a hint.\n    self.x.load(Relaxed);\n}\n";
        assert_eq!(look("rejoin/src/x.rs", noted), [""; 0]);
    }

    #[test]
    fn an_atomic_that_does_not_come_through_sync_is_found() {
        let text = "use std::sync::atomic::AtomicU8;\n";
        assert_eq!(look("wait-group/src/lib.rs", text).len(), 1);
        assert_eq!(look("wait-group/src/sync.rs", text), [""; 0]);
        assert_eq!(look("rejoin/examples/hello.rs", text), [""; 0]);
    }

    #[test]
    fn a_test_that_the_table_names_and_nobody_wrote_is_found() {
        let module = |_: &str| "fn is_there() {}".to_owned();
        let missing = |text| missing_tests("page.md", text, module);
        assert_eq!(missing("| x | `it::is_there` |"), [""; 0]);
        assert_eq!(missing("| x | `it::is_not` |").len(), 1);
        assert_eq!(missing("| x | `model/it::is_not` |").len(), 1);
    }

    #[test]
    fn a_file_that_is_too_long_is_found() {
        let text = "let x = 1;\n".repeat(CODE_LINES + 1);
        assert_eq!(look("rejoin/tests/it/long.rs", &text).len(), 1);
        let comments = "// why\n".repeat(CODE_LINES + 1);
        assert_eq!(look("rejoin/tests/it/long.rs", &comments), [""; 0]);
    }
}
