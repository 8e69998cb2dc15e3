//! Layers upon layers.

use proptest::prelude::*;

use super::*;

fn node(kind: NodeKind, layer: u16) -> Node {
    Node {
        kind,
        mode: 0o755,
        layer,
        uid: 0,
        gid: 0,
        modified_seconds: 0,
    }
}

/// A tree with the operations that layers are made of, by words.
#[derive(Default)]
struct Layered(Option<Tree>);

impl Layered {
    fn tree(&mut self) -> &mut Tree {
        self.0.get_or_insert_with(Tree::new)
    }

    fn file(&mut self, name: &str, size_bytes: u64, layer: u16) {
        let tree = self.tree();
        let path = tree.place(name.as_bytes()).unwrap();
        let file = tree.add_file(size_bytes, layer).unwrap();
        tree.put(&path, node(NodeKind::File(file), layer));
    }

    fn link(&mut self, name: &str, goal: &str, layer: u16) {
        let tree = self.tree();
        let path = tree.place(name.as_bytes()).unwrap();
        tree.put(&path, node(NodeKind::Link(goal.as_bytes().into()), layer));
    }

    fn directory(&mut self, name: &str, layer: u16) {
        self.tree()
            .put(name.as_bytes(), node(NodeKind::Directory, layer));
    }

    fn paths(&mut self) -> Vec<String> {
        let paths = self.tree().iter();
        paths
            .map(|(path, _)| String::from_utf8_lossy(path).into_owned())
            .collect()
    }
}

#[test]
fn a_whiteout_hides_what_is_below_it_in_earlier_layers_alone() {
    let mut image = Layered::default();
    image.file("a/b/one", 10, 0);
    image.file("a0", 5, 0);
    image.file("a/b/two", 3, 1);
    image.tree().white_out(b"a/b", 1);
    assert_eq!(image.paths(), ["a", "a/b/two", "a0"]);
    assert_eq!(image.tree().waste, [10]);
    image.tree().make_opaque(b"a", 2);
    assert_eq!(image.paths(), ["a", "a0"]);
    assert_eq!(image.tree().waste, [10, 3]);
}

#[test]
fn a_file_is_wasted_once_its_last_name_is_gone() {
    let mut image = Layered::default();
    image.file("one", 7, 0);
    image.tree().link(b"two", b"one", 0);
    image.tree().white_out(b"one", 1);
    assert!(image.tree().waste.is_empty());
    image.file("two", 1, 1);
    assert_eq!(image.tree().waste, [7]);
    image.tree().link(b"three", b"nothing", 1);
    assert_eq!(image.tree().oddities.broken_hard_links, 1);
}

#[test]
fn a_link_may_have_several_names_too() {
    let mut image = Layered::default();
    image.file("real", 7, 0);
    image.link("one", "real", 0);
    image.tree().link(b"two", b"one", 0);
    assert_eq!(image.tree().resolve(b"two").unwrap(), b"real");
    assert_eq!(image.tree().oddities.broken_hard_links, 0);
}

#[test]
fn directories_merge_and_files_replace_them() {
    let mut image = Layered::default();
    image.file("d/one", 2, 0);
    image.directory("d", 1);
    assert_eq!(image.paths(), ["d", "d/one"]);
    image.file("d", 1, 2);
    assert_eq!(image.paths(), ["d"]);
    image.file("d/two", 1, 3);
    assert_eq!(image.paths(), ["d", "d/two"]);
}

#[test]
fn paths_are_resolved_inside_the_root() {
    let mut image = Layered::default();
    image.file("usr/lib/ld.so", 1, 0);
    image.link("lib", "usr/lib", 0);
    image.link("up", "../../../usr", 0);
    image.link("loop", "loop", 0);
    image.link("far", "/lib/../lib/ld.so", 0);
    // Beneath a link as an engine would unpack it.
    image.file("lib/other", 1, 0);
    let tree = image.tree();
    for path in ["lib/ld.so", "/up/lib/ld.so", "far", "../lib/./ld.so"] {
        assert_eq!(
            tree.resolve(path.as_bytes()).unwrap(),
            b"usr/lib/ld.so",
            "{path}"
        );
    }
    assert!(tree.get(b"usr/lib/other").is_some());
    assert_eq!(tree.resolve(b"loop"), Err(Unresolved::Loop));
    assert_eq!(tree.resolve(b"usr/none"), Err(Unresolved::NotFound));
    assert_eq!(tree.resolve(b"far/x"), Err(Unresolved::NotADirectory));
    assert_eq!(tree.place(b"../x"), None);
}

#[test]
fn hiding_again_and_again_ends() {
    let mut image = Layered::default();
    for number in 0..3000 {
        image.file(&format!("d/{number}"), 1, 1);
    }
    for _ in 0..30_000 {
        image.tree().make_opaque(b"d", 1);
    }
    assert!(!image.tree().is_whole());
}

proptest! {
    #[test]
    fn never_panics(names: Vec<(Vec<u8>, Vec<u8>, u8)>) {
        let mut tree = Tree::new();
        for (name, goal, kind) in names {
            let Some(path) = tree.place(&name) else { continue };
            match kind % 4 {
                0 => tree.put(&path, node(NodeKind::Directory, 0)),
                1 => tree.put(&path, node(NodeKind::Link(goal.into()), 1)),
                2 => tree.white_out(&path, 1),
                _ => tree.link(&path, &goal, 1),
            }
            let _ = tree.resolve(&path);
        }
    }
}
