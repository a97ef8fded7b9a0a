//! Puts GraphiQL into the binary if npm has brought it, and writes down what the page at `/` loads either way:
//! `graphiql.rs` in `OUT_DIR`, which `src/http/graphiql.rs` includes. See `assets/graphiql/README.md`.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// All that is ours of GraphiQL.
const OURS: &str = "assets/graphiql";
/// What the page loads, of which packages, and the hashes.
const LIST: &str = "assets/graphiql/files.txt";
/// Where npm puts them. If it is there, they go into the binary: all of them, or the build fails.
const PACKAGES: &str = "assets/graphiql/node_modules";

/// A line of the list.
struct File<'list> {
    package: &'list str,
    version: &'list str,
    path: &'list str,
    integrity: &'list str,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={LIST}");
    let list = fs::read_to_string(LIST)?;
    let files = read(&list)?;
    let embed = Path::new(PACKAGES).is_dir();
    if embed {
        files.iter().try_for_each(must_be_there)?;
    } else {
        // The folder, since cargo takes what is not there for changed, each time: this changes when something comes in.
        println!("cargo::rerun-if-changed={OURS}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo names no OUT_DIR")?);
    fs::write(out.join("graphiql.rs"), module(&files, embed)?)?;
    fs::write(out.join("graphiql_licenses.txt"), if embed { licenses()? } else { String::new() })?;
    Ok(())
}

fn read(list: &str) -> Result<Vec<File<'_>>, String> {
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| parse(line).ok_or_else(|| format!("{LIST}: what is {line:?}?"))).collect()
}

fn parse(line: &str) -> Option<File<'_>> {
    let (address, integrity) = line.split_once(' ')?;
    let (package, rest) = address.split_once('@')?;
    let (version, path) = rest.split_once('/')?;
    Some(File { package, version, path, integrity })
}

impl File<'_> {
    fn place(&self) -> String {
        format!("{PACKAGES}/{}/{}", self.package, self.path)
    }
}

fn must_be_there(file: &File) -> Result<(), String> {
    let File { package, version, .. } = file;
    let about = format!("{PACKAGES}/{package}/package.json");
    println!("cargo::rerun-if-changed={about}");
    println!("cargo::rerun-if-changed={}", file.place());
    let found = fs::read_to_string(&about).is_ok_and(|about| about.contains(&format!("\"version\": \"{version}\"")));
    if found && Path::new(&file.place()).is_file() {
        return Ok(());
    }
    Err(format!("{PACKAGES} is not what {LIST} asks for ({package} {version}). Run: npm ci --prefix {OURS}"))
}

/// The value that the server's code includes, a `Packages`.
fn module(files: &[File], embed: bool) -> Result<String, Box<dyn Error>> {
    let mut text = "Packages {\n    files: &[\n".to_owned();
    for file in files {
        let File { package, version, path, integrity } = file;
        let content = if embed {
            format!("Some(include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{}\")))", file.place())
        } else {
            "None".to_owned()
        };
        let address = format!("{package}@{version}/{path}");
        writeln!(text, "        File {{ address: {address:?}, integrity: {integrity:?}, content: {content} }},")?;
    }
    text += "    ],\n    licenses: include_str!(concat!(env!(\"OUT_DIR\"), \"/graphiql_licenses.txt\")),\n}\n";
    Ok(text)
}

/// The licenses of everything that npm has brought: `graphiql.min.js` has much of it within.
fn licenses() -> io::Result<String> {
    let packages = packages_in(Path::new(PACKAGES))?;
    packages.iter().map(|package| license(package)).collect()
}

fn license(package: &Path) -> io::Result<String> {
    let name = package.strip_prefix(PACKAGES).unwrap_or(package);
    let text = fs::read_to_string(license_of(package)?)?;
    Ok(format!("{}\n\n{}\n\n\n", name.display(), text.trim()))
}

/// The file with the license of the package in this folder, or else the one that names it.
fn license_of(package: &Path) -> io::Result<PathBuf> {
    let is_license = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        path.is_file() && (name.starts_with("license") || name.starts_with("licence"))
    };
    let found = entries(package)?.into_iter().find(is_license);
    Ok(found.unwrap_or_else(|| package.join("package.json")))
}

fn packages_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut packages = Vec::new();
    for entry in entries(folder)? {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('@') {
            packages.extend(packages_in(&entry)?);
        } else if !name.starts_with('.') && entry.is_dir() {
            let within = entry.join("node_modules");
            packages.push(entry);
            if within.is_dir() {
                packages.extend(packages_in(&within)?);
            }
        }
    }
    Ok(packages)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}
