//! The rooms of a crate, which are its top-level modules, and which of them names which.
//!
//! The modules are followed as the compiler does, from `src/lib.rs` on, and what is compiled for
//! tests alone is left out: every other path that leads from one room into another is an arrow.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, File, ImplItem, Item, ItemMod, ItemUse, Meta, Token, TraitItem, UseTree};

/// The arrows between a crate's rooms.
#[derive(Debug)]
pub struct Rooms {
    /// From which room to which, and the first line that says so.
    arrows: BTreeMap<String, BTreeMap<String, String>>,
}

/// Rooms of which each names the next, and the last the first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Circle(Vec<Arrow>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrow {
    from: String,
    to: String,
    line: String,
}

impl Rooms {
    /// Reads the crate in `folder`, whose lines are told by paths from `workspace` on.
    pub fn read(workspace: &Path, folder: &str) -> Self {
        let source = workspace.join(folder).join("src");
        let root = parse(&source.join("lib.rs"));
        let mut reader = Reader {
            workspace,
            rooms: rooms(&root),
            exports: exports(&root),
            file: PathBuf::new(),
            module: Vec::new(),
            arrows: BTreeMap::new(),
        };
        reader.items(&root.items, &source.join("lib.rs"), &source);
        Self { arrows: reader.arrows }
    }

    /// The shortest circle through each room that is in one.
    pub fn circles(&self) -> Vec<Circle> {
        let circles = self.arrows.keys().filter_map(|room| self.circle(room));
        circles.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn circle(&self, room: &str) -> Option<Circle> {
        let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([room]);
        while let Some(here) = queue.pop_front() {
            for next in self.arrows.get(here).into_iter().flatten().map(|(next, _)| next.as_str()) {
                if came_from.contains_key(next) {
                    continue;
                }
                came_from.insert(next, here);
                if next == room {
                    return Some(self.way_back(room, &came_from));
                }
                queue.push_back(next);
            }
        }
        None
    }

    fn way_back(&self, room: &str, came_from: &BTreeMap<&str, &str>) -> Circle {
        let mut arrows = Vec::new();
        let mut to = room;
        loop {
            let from = came_from[to];
            let line = self.arrows[from][to].clone();
            arrows.push(Arrow { from: from.to_owned(), to: to.to_owned(), line });
            to = from;
            if to == room {
                break;
            }
        }
        arrows.reverse();
        // A circle has no beginning; the same one is to look the same.
        let first = (0..arrows.len()).min_by_key(|&index| &arrows[index].from);
        arrows.rotate_left(first.unwrap_or_default());
        Circle(arrows)
    }
}

impl Display for Circle {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for Arrow { from, to, line } in &self.0 {
            writeln!(f, "  {from} → {to}  ({line})")?;
        }
        Ok(())
    }
}

fn parse(file: &Path) -> File {
    let text = fs::read_to_string(file)
        .unwrap_or_else(|error| panic!("can't read {}: {error}", file.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn rooms(root: &File) -> BTreeSet<String> {
    let modules = root.items.iter().filter_map(|item| match item {
        Item::Mod(module) if !is_for_tests(&module.attrs) => Some(module.ident.to_string()),
        _ => None,
    });
    modules.collect()
}

/// Which room the names come from that the root hands on.
fn exports(root: &File) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for item in &root.items {
        let Item::Use(ItemUse { tree, .. }) = item else { continue };
        for path in leaves(tree) {
            if let (Some(room), Some(name)) = (path.names.first(), path.name) {
                exports.insert(name, room.clone());
            }
        }
    }
    exports
}

struct Reader<'a> {
    workspace: &'a Path,
    rooms: BTreeSet<String>,
    exports: BTreeMap<String, String>,
    /// Where the reader is: the file, and the module by its path in the crate.
    file: PathBuf,
    module: Vec<String>,
    arrows: BTreeMap<String, BTreeMap<String, String>>,
}

impl Reader<'_> {
    /// Reads a module's items; the files of its own modules are in `folder`.
    fn items(&mut self, items: &[Item], file: &Path, folder: &Path) {
        for item in items {
            file.clone_into(&mut self.file);
            match item {
                Item::Mod(module) if is_for_tests(&module.attrs) => {}
                Item::Mod(module) => self.module(module, file, folder),
                item => self.visit_item(item),
            }
        }
    }

    fn module(&mut self, module: &ItemMod, file: &Path, folder: &Path) {
        let name = module.ident.to_string();
        let below = folder.join(&name);
        self.module.push(name);
        if let Some((_, items)) = &module.content {
            self.items(items, file, &below);
        } else {
            let files = [below.with_extension("rs"), below.join("mod.rs")];
            let file = files.iter().find(|file| file.is_file());
            let file = file.unwrap_or_else(|| panic!("no file of the module {}", below.display()));
            self.items(&parse(file).items, file, &below);
        }
        self.module.pop();
    }

    /// Notes where a path leads, if it begins at a module.
    fn note(&mut self, names: &[String], line: usize) {
        let Some(from) = self.module.first() else { return };
        let mut names = names.iter().map(String::as_str).peekable();
        let mut module: Vec<&str> = self.module.iter().map(String::as_str).collect();
        match names.peek() {
            Some(&"crate") => {
                names.next();
                module.clear();
            }
            Some(&"self") => drop(names.next()),
            Some(&"super") => {}
            _ => return,
        }
        while names.next_if_eq(&"super").is_some() {
            module.pop();
        }
        let Some(first) = module.first().copied().or_else(|| names.next()) else { return };
        let line = format!(
            "{}:{line}",
            self.file.strip_prefix(self.workspace).unwrap_or(&self.file).display()
        );
        let to = match self.rooms.get(first).or_else(|| self.exports.get(first)) {
            Some(room) => room.clone(),
            None => panic!("{line}: `crate::{first}` is no room, and the root has it from none"),
        };
        if to != *from {
            self.arrows.entry(from.clone()).or_default().entry(to).or_insert(line);
        }
    }

    /// Notes the paths in what is code only to the macro that is given it.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if path.is_empty() || colons == 2 => {
                    if path.is_empty() {
                        line = name.span().start().line;
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && colons < 2 => colons += 1,
                other => {
                    self.note(&std::mem::take(&mut path), line);
                    colons = 0;
                    match other {
                        TokenTree::Group(group) => self.tokens(group.stream()),
                        TokenTree::Ident(name) => {
                            line = name.span().start().line;
                            path.push(name.to_string());
                        }
                        _ => {}
                    }
                }
            }
        }
        self.note(&path, line);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Const(item) => &item.attrs,
            Item::Enum(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Macro(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Static(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Trait(item) => &item.attrs,
            Item::Type(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        match item {
            ImplItem::Fn(function) if is_for_tests(&function.attrs) => {}
            item => visit::visit_impl_item(self, item),
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        match item {
            TraitItem::Fn(function) if is_for_tests(&function.attrs) => {}
            item => visit::visit_trait_item(self, item),
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        for path in leaves(&item.tree) {
            self.note(&path.names, path.line);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |first| first.ident.span().start().line);
        self.note(&names, line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

/// One path of a `use`.
struct UsePath {
    names: Vec<String>,
    /// By what name it is known then; `None` for a glob.
    name: Option<String>,
    line: usize,
}

fn leaves(tree: &UseTree) -> Vec<UsePath> {
    let one = |names: Vec<String>, name, line| vec![UsePath { names, name, line }];
    match tree {
        UseTree::Path(path) => {
            let mut leaves = leaves(&path.tree);
            for leaf in &mut leaves {
                leaf.names.insert(0, path.ident.to_string());
            }
            leaves
        }
        UseTree::Name(name) => {
            let ident = name.ident.to_string();
            one(vec![ident.clone()], Some(ident), name.ident.span().start().line)
        }
        UseTree::Rename(rename) => {
            let line = rename.rename.span().start().line;
            one(vec![rename.ident.to_string()], Some(rename.rename.to_string()), line)
        }
        UseTree::Glob(glob) => one(Vec::new(), None, glob.star_token.spans[0].start().line),
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

/// Whether something is compiled for tests alone.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args().is_ok_and(|condition: Meta| needs_test(&condition))
    })
}

fn needs_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) => {
            let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
            let Ok(parts) = parts else { return false };
            (list.path.is_ident("all") && parts.iter().any(needs_test))
                || (list.path.is_ident("any") && parts.iter().all(needs_test))
        }
        Meta::NameValue(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles of a crate of these files.
    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let workspace = tempfile::tempdir().expect("a temporary folder");
        for (file, text) in files {
            let file = workspace.path().join("house/src").join(file);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(file, text).expect("a file");
        }
        let rooms = Rooms::read(workspace.path(), "house");
        rooms.circles().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rooms_that_name_each_other_are_a_circle_with_its_lines() {
        let found = circles(&[
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "\nuse crate::{d::D, b};"),
            ("b/mod.rs", "mod below;"),
            ("b/below.rs", "\n\nfn f() { super::super::c::f() }"),
            ("c.rs", "pub fn f() -> crate::a::A {}"),
            ("d.rs", "pub struct D;"),
        ]);
        let circle = "  a → b  (house/src/a.rs:2)\n  \
                        b → c  (house/src/b/below.rs:3)\n  \
                        c → a  (house/src/c.rs:1)\n";
        assert_eq!(found, [circle]);
    }

    #[test]
    fn what_a_macro_is_given_and_what_the_root_hands_on_counts() {
        let found = circles(&[
            ("lib.rs", "mod a; mod b; pub use b::{Inner as B};"),
            ("a.rs", "fn f(_: crate::B) {}"),
            ("b.rs", "fn f() { print!(\"{}\", g(|| crate::a::f())) }"),
        ]);
        assert_eq!(found, ["  a → b  (house/src/a.rs:1)\n  b → a  (house/src/b.rs:1)\n"]);
    }

    #[test]
    fn what_is_compiled_for_tests_alone_draws_no_arrow() {
        let found = circles(&[
            ("lib.rs", "mod a; mod b; #[cfg(test)] mod tests;"),
            ("a.rs", "use crate::b;"),
            (
                "b.rs",
                "#[cfg(test)] mod tests;
                 #[cfg(all(test, feature = \"x\"))] use crate::a;
                 impl B { #[cfg(test)] fn f() { crate::a::f() } }",
            ),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_room_may_name_itself_and_its_own_modules() {
        let found = circles(&[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; use self::b::B; use crate::a::b::C;"),
            ("a/b.rs", "use super::A; use crate::a::A as Same;"),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }
}
