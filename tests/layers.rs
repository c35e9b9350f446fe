//! Holds the source to its layers: an arrow may only point down.
//!
//! The rule reads tokens, not text, so that a comment or a string names what it likes; and all of
//! them, so that test code and code behind a feature are held to it as well.

use std::fs;
use std::path::Path;

/// The modules of each layer, from the bottom. Those of layer 0 may use one another; elsewhere two
/// modules of one layer do not know each other.
const LAYERS: [&[&str]; 7] = [
    &["error", "units", "clock"],
    &["store", "data", "model", "measure", "config", "record"],
    &["batching", "staging", "load"],
    &["backend"],
    &["pipeline"],
    &["transform", "serve", "train", "sweep", "sizing", "report"],
    &["cli"],
];

/// What a job may use of another: the handler is the one piece that all jobs share.
const SHARED: [(&str, &str, &str); 2] =
    [("sweep", "transform", "handler"), ("serve", "transform", "handler")];

/// The crates that only backends name.
const FRAMEWORKS: [&str; 3] = ["tch", "torch_sys", "cudarc"];

/// The module that alone may name them, and be unsafe.
const BACKEND: &str = "backend";

#[test]
fn every_arrow_of_the_source_points_down() {
    let files = sources();
    assert!(files.len() > 100, "only {} files were found", files.len());
    let findings = check(&files);
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
    // The rule has seen what it is about: a reader that finds no path finds no fault either.
    let arrows: usize = files.iter().map(|(path, text)| paths(path, &tokens(text)).len()).sum();
    assert!(arrows > 500, "only {arrows} paths were found");
}

#[test]
fn the_table_in_the_crates_documentation_is_the_rule() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let modules = modules(&sources());
    let mut rows = 0;
    for line in lib.lines().filter_map(|line| line.strip_prefix("//! ")) {
        let Some((layer, said)) = line.split_once("  ") else { continue };
        let Ok(layer) = layer.parse::<usize>() else { continue };
        let said: Vec<&str> = said.split_whitespace().collect();
        let there = |name: &&&str| modules.iter().any(|module| module == *name);
        let rule: Vec<&str> = LAYERS[layer].iter().filter(there).copied().collect();
        assert_eq!(said, rule, "layer {layer}");
        rows += 1;
    }
    assert_eq!(rows, LAYERS.len());
}

#[test]
fn an_arrow_that_does_not_point_down_is_found() {
    for (path, text, says) in [
        ("src/store/a.rs", "use crate::cli::x;", "store -> cli: points up"),
        ("src/backend/a/b.rs", "fn f() { crate::pipeline::g() }", "backend -> pipeline: points up"),
        ("src/units.rs", "mod tests { use crate::data::Image; }", "units -> data: points up"),
        ("src/data/mod.rs", "use crate::model::X;", "data -> model: both are of layer 1"),
        ("src/batching/mod.rs", "use crate::staging::X;", "both are of layer 2"),
        ("src/report/a.rs", "use crate::sweep::{self};", "report -> sweep: both are of layer 5"),
        ("src/sweep/a.rs", "use crate::transform::run;", "sweep -> transform: both are of layer 5"),
        ("src/sweep/a.rs", "use crate::transform::*;", "sweep -> transform"),
        ("src/train/a.rs", "use crate::transform::handler::X;", "train -> transform"),
        ("src/model/a.rs", "use crate::{error::Error, data::{self, Image}};", "model -> data"),
        ("src/model/a.rs", "use {crate::error::Error, crate::data::Image};", "model -> data"),
        ("src/model/a.rs", "type X = Vec<crate :: data :: Image>;", "model -> data"),
        ("src/model/a.rs", "macro_rules! m { () => { $crate::data::X } }", "model -> data"),
        ("src/model/a.rs", "use super::super::data::X;", "model -> data"),
        ("src/model/mod.rs", "mod t { mod u { use super::super::super::cli; } }", "model -> cli"),
        ("src/model.rs", "mod t {} use super::{cli as x};", "model -> cli"),
        ("src/data/a.rs", "use crate::misc::X;", "data -> misc: no layer is known for misc"),
        ("src/misc.rs", "", "no layer is known for misc"),
    ] {
        finds(path, text, says);
    }
}

#[test]
fn an_arrow_is_found_whatever_stands_before_it() {
    for before in [
        "// \" '\n",
        "/* /* \" */ ' */",
        r#"const A: &str = "\" // "; "#,
        r##"const A: &str = r#" " // "#; "##,
        "const A: &[u8] = b\"\\\\\"; ",
        "const A: char = '\"'; ",
        "const A: char = '\\''; ",
        "const A: u8 = b'\\\\'; ",
        "fn f<'a>(x: &'a str) {} ",
        "fn r#mod() {} ",
        "impl X { fn f(self) { if a { b } } } ",
    ] {
        finds("src/store/a.rs", &format!("{before} use crate::data::Image;"), "store -> data");
    }
}

#[test]
fn a_framework_or_unsafe_code_outside_the_backends_is_found() {
    finds("src/train/run.rs", "use tch::Tensor;", "names tch outside src/backend");
    finds("src/cli/a.rs", "fn f() { ::torch_sys::x() }", "names torch_sys outside src/backend");
    finds("src/main.rs", "fn main() { cudarc::driver::init() }", "names cudarc");
    finds("src/data/a.rs", "fn f() { unsafe { g() } }", "unsafe outside src/backend");
    finds("src/build.rs", "unsafe fn f() {}", "unsafe outside src/backend");
    finds("src/data/a.rs", "\n\nunsafe fn f() {}", "src/data/a.rs:3: ");
}

#[test]
fn what_is_allowed_is_let_through() {
    for (path, text) in [
        ("src/cli/a.rs", "use crate::{sweep, transform::{self, Job}, error::Error};"),
        ("src/units.rs", "use crate::error::Error; use crate::clock::Clock;"),
        ("src/sweep/a.rs", "use crate::transform::handler::{self, Handler};"),
        ("src/sweep/a.rs", "use crate::sweep::grid; use super::grid; use super::super::sweep::x;"),
        ("src/store/a.rs", "// use crate::cli;\n/* crate::cli::x */ /// [`crate::cli`]\n"),
        ("src/store/a.rs", "//! tch, unsafe\nconst A: &str = \"crate::cli::x unsafe tch\";"),
        ("src/store/a.rs", "const A: &str = r#\"\" crate::cli::x \"#; const B: char = '\"';"),
        ("src/store/a.rs", "pub(crate) fn f() {} pub(in crate::store) fn g() {}"),
        ("src/store/a.rs", "mod tests { use super::*; }"),
        ("src/store/mod.rs", "mod a { fn f() {} } mod b { use super::a; }"),
        ("src/backend/torch/a.rs", "use tch::Tensor; fn f() { unsafe { torch_sys::g() } }"),
        ("src/store/a.rs", "#![deny(unsafe_code)] struct Torch_sys;"),
        ("src/lib.rs", "pub mod backend; pub mod cli;"),
        ("src/main.rs", "fn main() { plimsoll::cli::main() }"),
    ] {
        let findings = check(&[(path.into(), text.into())]);
        assert!(findings.is_empty(), "{path}: {text}: {findings:?}");
    }
}

fn finds(path: &str, text: &str, says: &str) {
    let findings = check(&[(path.into(), text.into())]);
    assert!(findings.iter().any(|f| f.contains(says)), "{path}: {text}: {says:?} {findings:?}");
}

/// Every Rust file under `src`, as (path from the repository's root, text).
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// The top-level modules that the files belong to.
fn modules(files: &[(String, String)]) -> Vec<String> {
    let mut all: Vec<String> =
        files.iter().filter_map(|(path, _)| module(path).into_iter().next()).collect();
    all.dedup();
    all
}

/// Everything that is wrong with the files, a line each.
fn check(files: &[(String, String)]) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in files {
        let tokens = tokens(text);
        let own = module(path).into_iter().next();
        let mut find = |line: usize, what: String| findings.push(format!("{path}:{line}: {what}"));
        if let Some(own) = own.as_deref() {
            if layer(own).is_none() {
                find(1, format!("no layer is known for {own}"));
            }
            for (line, to) in paths(path, &tokens) {
                if let Some(why) = fault(own, &to) {
                    find(line, format!("{own} -> {}: {why}", to[0]));
                }
            }
        }
        if own.as_deref() == Some(BACKEND) {
            continue;
        }
        for token in &tokens {
            match &token.kind {
                Kind::Word(word) if FRAMEWORKS.contains(&word.as_str()) => {
                    find(token.line, format!("names {word} outside src/{BACKEND}"));
                }
                Kind::Word(word) if word == "unsafe" => {
                    find(token.line, format!("unsafe outside src/{BACKEND}"));
                }
                _ => {}
            }
        }
    }
    findings
}

/// What is wrong with code of module `own` that names the path `to`.
fn fault(own: &str, to: &[String]) -> Option<String> {
    let top = to.first()?;
    if top == own {
        return None;
    }
    let Some(there) = layer(top) else { return Some(format!("no layer is known for {top}")) };
    let here = layer(own)?;
    let shared = SHARED.iter().any(|&(from, module, part)| {
        from == own && module == top && to.get(1).is_some_and(|second| second == part)
    });
    if there < here || (there, here) == (0, 0) || shared {
        None
    } else if there > here {
        Some("points up".into())
    } else {
        Some(format!("both are of layer {here}"))
    }
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// The module path of a file; empty for the crate's root and for files that are crates themselves.
fn module(path: &str) -> Vec<String> {
    let path = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    if ["lib", "main", "build"].contains(&path) {
        return Vec::new();
    }
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').map(str::to_owned).collect()
}

/// Every path that starts with `crate` or `super`, from the crate's root on, with its line.
fn paths(file: &str, tokens: &[Token]) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut here = module(file);
    // How many braces were open where each inline module began.
    let mut inline: Vec<usize> = Vec::new();
    let mut braces = 0;
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at].kind {
            Kind::Mark('{') => braces += 1,
            Kind::Mark('}') => {
                braces = usize::saturating_sub(braces, 1);
                if inline.last() == Some(&braces) {
                    inline.pop();
                    here.pop();
                }
            }
            Kind::Word(word) if word == "mod" => {
                if let [Some(Kind::Word(name)), Some(Kind::Mark('{'))] =
                    [1, 2].map(|n| tokens.get(at + n).map(|token| &token.kind))
                {
                    here.push(name.clone());
                    inline.push(braces);
                }
            }
            Kind::Word(word) if word == "crate" && follows(tokens, at + 1) => {
                at = tree(tokens, at + 2, &[], &mut found);
                continue;
            }
            Kind::Word(word) if word == "super" && follows(tokens, at + 1) => {
                let mut base = here.clone();
                while tokens.get(at).is_some_and(|t| t.is("super")) {
                    base.pop();
                    at += if follows(tokens, at + 1) { 2 } else { 1 };
                }
                at = if tokens[at - 1].kind == Kind::Path {
                    tree(tokens, at, &base, &mut found)
                } else {
                    at
                };
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Whether a `::` begins at a token.
fn follows(tokens: &[Token], at: usize) -> bool {
    tokens.get(at).is_some_and(|token| token.kind == Kind::Path)
}

/// Reads `a::{b, c::d}` from `at` on, adds each of its paths to `found`, and gives where it ends.
fn tree(
    tokens: &[Token],
    mut at: usize,
    base: &[String],
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let mut path = base.to_vec();
    loop {
        match tokens.get(at).map(|token| (token.line, &token.kind)) {
            Some((_, Kind::Word(word))) if follows(tokens, at + 1) => {
                path.push(word.clone());
                at += 2;
            }
            Some((line, Kind::Word(word))) => {
                path.push(word.clone());
                found.push((line, path));
                return at + 1;
            }
            Some((_, Kind::Mark('{'))) => {
                at += 1;
                while !matches!(tokens.get(at).map(|t| &t.kind), None | Some(Kind::Mark('}'))) {
                    at = match tokens[at].kind {
                        Kind::Mark(',') => at + 1,
                        _ => tree(tokens, at, &path, found),
                    };
                    if tokens.get(at).is_some_and(|token| token.is("as")) {
                        at += 2;
                    }
                }
                return at + 1;
            }
            // `*`, or the `<` of a path with type arguments.
            Some((line, Kind::Mark(_) | Kind::Path)) => {
                found.push((line, path));
                return at + 1;
            }
            None => return at,
        }
    }
}

#[derive(Debug)]
struct Token {
    line: usize,
    kind: Kind,
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(own) if own == word)
    }
}

#[derive(Debug, PartialEq)]
enum Kind {
    /// An identifier, a keyword or a number.
    Word(String),
    /// `::`
    Path,
    /// Any other character.
    Mark(char),
}

/// The tokens of a Rust text, without its comments, strings, characters and lifetimes.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment(rest)
        } else if let Some(length) = string(rest) {
            length
        } else if first == '\'' {
            character(rest)
        } else if first.is_whitespace() {
            first.len_utf8()
        } else {
            let raw = rest.strip_prefix("r#").filter(|r| r.starts_with(is_word)).unwrap_or(rest);
            let word = &raw[..raw.find(|c| !is_word(c)).unwrap_or(raw.len())];
            let (kind, length) = if !word.is_empty() {
                // `r#mod` is a name and not the keyword.
                let word = if raw.len() < rest.len() { format!("r#{word}") } else { word.into() };
                let length = word.len();
                (Kind::Word(word), length)
            } else if rest.starts_with("::") {
                (Kind::Path, 2)
            } else {
                (Kind::Mark(first), first.len_utf8())
            };
            tokens.push(Token { line, kind });
            length
        };
        line += rest[..skipped].matches('\n').count();
        rest = &rest[skipped..];
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a block comment with those inside it.
fn comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        match text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a string of any kind, if one begins here.
fn string(text: &str) -> Option<usize> {
    let quoted = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - quoted.len();
    if prefix > 1 {
        return None;
    }
    if let Some(raw) = quoted.strip_prefix('r') {
        let inner = raw.trim_start_matches('#');
        let hashes = raw.len() - inner.len();
        let inner = inner.strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = inner.find(&end).map_or(inner.len(), |found| found + end.len());
        return Some(prefix + 1 + hashes + 1 + length);
    }
    let inner = quoted.strip_prefix('"')?;
    Some(prefix + 1 + closing(inner, '"'))
}

/// The length of a character, or of a lifetime.
fn character(text: &str) -> usize {
    let inner = &text[1..];
    let mut chars = inner.chars();
    let first = chars.next();
    if first == Some('\\') || chars.next() == Some('\'') {
        return 1 + closing(inner, '\'');
    }
    1 + inner.find(|c| !is_word(c)).unwrap_or(inner.len())
}

/// The length up to and with the closing quote, past escaped characters.
fn closing(inner: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        if c == quote && !escaped {
            return at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    inner.len()
}
