//! Pickles built by hand.

use proptest::prelude::*;

use super::value::Storage;
use super::*;
use crate::model::element::Element;

const START: &[u8] = b"\x80\x02";
const ORDERED_DICT: &[u8] = b"ccollections\nOrderedDict\n)R";
const REBUILD: &[u8] = b"ctorch._utils\n_rebuild_tensor_v2\n";

fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// `storage` is the global of its type; shape and strides are those of a vector of four.
fn tensor(storage: &str) -> Vec<u8> {
    let id = [&text("storage"), storage.as_bytes(), &text("7"), &text("cuda:0"), b"K\x09"].concat();
    [REBUILD, b"((", &id, b"tQK\x02K\x04\x85K\x01\x85\x89", ORDERED_DICT, b"tR"].concat()
}

fn floats() -> Vec<u8> {
    tensor("ctorch\nFloatStorage\n")
}

fn pickle(parts: &[&[u8]]) -> Vec<u8> {
    [START, &parts.concat(), b"."].concat()
}

fn names(pickle: &[u8]) -> Vec<String> {
    let (Tensors::State(tensors) | Tensors::Script(tensors)) = read(pickle).unwrap();
    tensors.into_iter().map(|named| named.name).collect()
}

fn refusal(pickle: &[u8]) -> String {
    match read(pickle) {
        Ok(_) => panic!("was read"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_tensor_is_described_and_not_read() {
    let pickle = pickle(&[b"}", &text("w"), &floats(), b"s"]);
    let Tensors::State(tensors) = read(&pickle).unwrap() else { panic!("not a state_dict") };
    let tensor = &tensors[0].tensor;
    assert_eq!(tensor.storage, Storage { element: Element::F32, key: "7", numbers: 9 });
    assert_eq!((tensor.offset, &tensor.shape[..], &tensor.strides[..]), (2, &[4][..], &[1][..]));
}

#[test]
fn a_dict_of_either_kind_is_a_state() {
    let items = [b"(", &*text("a"), &floats(), &text("b"), &floats(), b"u"].concat();
    for dict in [b"}", ORDERED_DICT] {
        assert_eq!(names(&pickle(&[dict, &items])), ["a", "b"]);
    }
}

#[test]
fn parameters_and_memos_are_looked_through() {
    let parameter = [b"ctorch._utils\n_rebuild_parameter\n(", &*floats(), b"\x88N", b"tR"].concat();
    let once = pickle(&[b"}(", &text("a"), &parameter, b"q\x05", &text("b"), b"h\x05u"]);
    assert_eq!(names(&once), ["a", "b"]);
}

#[test]
fn a_training_checkpoint_is_searched_for_its_state() {
    for key in ["state_dict", "model_state_dict", "model"] {
        let state = [b"}", &*text("w"), &floats(), b"s"].concat();
        let epoch = [&*text("epoch"), b"K\x03"].concat();
        assert_eq!(names(&pickle(&[b"}(", &epoch, &text(key), &state, b"u"])), ["w"], "{key}");
    }
}

#[test]
fn a_dict_without_tensors_names_its_keys() {
    let error = refusal(&pickle(&[b"}(", &text("epoch"), b"K\x03", &text("net"), b"}u"]));
    assert!(error.contains("a dict without tensors (keys: epoch, net)"), "{error}");
}

#[test]
fn attributes_of_an_ordered_dict_are_passed_over() {
    let state = [ORDERED_DICT, &text("w"), &floats(), b"s}", &text("_metadata"), b"}sb"].concat();
    assert_eq!(names(&pickle(&[&state])), ["w"]);
}

#[test]
fn modules_give_their_tensors_dotted_names() {
    let class = b"c__torch__.net\nNet\n)\x81";
    let inner = [&class[..], b"}(", &text("training"), b"\x89", &text("weight"), &floats(), b"ub"];
    let outer =
        pickle(&[class, b"}(", &text("scale"), &floats(), &text("conv1"), &inner.concat(), b"ub"]);
    let mut found = names(&outer);
    found.sort();
    assert_eq!(found, ["conv1.weight", "scale"]);
    assert!(matches!(read(&outer).unwrap(), Tensors::Script(_)));
}

#[test]
fn a_name_that_is_not_allowed_is_refused_by_name() {
    for (global, name) in [
        ("cposix\nsystem\n", "global posix.system:"),
        ("c__builtin__\neval\n", "global __builtin__.eval:"),
        ("cnet\nNet\n", "global net.Net:"),
        ("ctorch\nload\n", "global torch.load:"),
        ("ctorch\nEvilStorage\n", "global torch.EvilStorage:"),
        ("c__torch__evil\nNet\n", "global __torch__evil.Net:"),
        ("ccollections\ndefaultdict\n", "global collections.defaultdict:"),
    ] {
        let error = refusal(&pickle(&[global.as_bytes(), &text("touch /tmp/x"), b"\x85R"]));
        assert!(error.starts_with(name), "{error}");
        assert!(error.contains("nothing was executed"), "{error}");
    }
}

#[test]
fn classes_are_never_called_and_only_they_are_instantiated() {
    let error = refusal(&pickle(&[b"c__torch__.net\nNet\n)R"]));
    assert!(error.contains("ScriptClass with 0 arguments"), "{error}");
    let error = refusal(&pickle(&[b"ccollections\nOrderedDict\n)\x81"]));
    assert!(error.contains("no TorchScript class"), "{error}");
}

#[test]
fn opcodes_of_other_protocols_are_refused() {
    for (bytes, words) in [
        (&b"\x80\x04."[..], "pickle protocol 4; leave pickle_protocol out"),
        (b"\x80\x02\x93.", "byte 2: opcode 0x93"),
        (b"\x80\x02i", "byte 2: opcode 0x69"),
    ] {
        let error = refusal(bytes);
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn broken_pickles_are_refused_where_they_break() {
    for (body, words) in [
        (&b"s"[..], "nothing on the stack"),
        (b"}(K\x01s", "nothing on the stack"),
        (b"K\x01K\x02K\x03s", "other than a container"),
        (b"]K\x02K\x03s", "other than a dict"),
        (b"}K\x02a", "other than a list"),
        (b"}(K\x02u", "a key without a value"),
        (b"t", "no mark"),
        (b"h\x07", "place 7 of the memo"),
        (b"q\x07", "nothing on the stack"),
        (b"K\x01)R", "cannot be called"),
        (b"ccollections\nOrderedDict\nK\x01R", "tuple of arguments"),
        (b"K\x01\x85Q", "not a storage"),
        (b"X\xff\xff\xff\xff", "cut short"),
        (b"X\x01\x00\x00\x00\xff", "not UTF-8"),
        (b"cno end", "a name without an end"),
        (b"]}b", "attributes of something that has none"),
    ] {
        let error = refusal(&pickle(&[body]));
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let storage =
        [b"(", &*text("storage"), b"ctorch\nFloatStorage\n", &text("0"), &text("cpu"), b"K\x09tQ"]
            .concat();
    for (place, words) in [
        (&b"J\xff\xff\xff\xffK\x04\x85K\x01\x85"[..], "-1 where a size belongs"),
        (b"K\x00K\x04\x85)", "with strides []"),
        (b"K\x00K\x04K\x01\x85", "not a tuple"),
        (b"K\x00(KKKKKKKKKKKKKKKKKKtK\x01\x85", "with 9 dimensions"),
        (b"N)K\x01\x85", "with strides [1]"),
        (b"N))", "other than a number"),
    ] {
        let body = [REBUILD, b"(", &storage, place, b"\x89NtR"].concat();
        let error = refusal(&pickle(&[&body]));
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn small_files_cannot_fill_the_memory() {
    let many = 100_001;
    for (pickle, words) in [
        (b"N".repeat(many), "values on the stack"),
        (b"(".repeat(many), "marks on the stack"),
        (b"}0".repeat(many), "containers and tensors"),
        (ORDERED_DICT.iter().chain(b"0").copied().cycle().take(many * 29).collect(), "containers"),
        ([&b"("[..], &b"N".repeat(17), b"tq\x00c__torch__\nA\nh\x00\x81"].concat(), "17 arguments"),
    ] {
        let error = refusal(&[START, &pickle].concat());
        assert!(error.contains(words), "{words}: {error}");
    }
    let mut memo = b"N".to_vec();
    (0..=many as u32).for_each(|place| memo.extend([b"r", &place.to_le_bytes()[..]].concat()));
    assert!(refusal(&pickle(&[&memo])).contains("values remembered"));
}

#[test]
fn a_module_that_holds_itself_is_not_followed_for_ever() {
    let class = b"c__torch__\nA\n)\x81q\x00";
    let error = refusal(&pickle(&[class, b"}", &text("me"), b"h\x00sb"]));
    assert!(error.contains("modules deep"), "{error}");
}

#[test]
fn modules_shared_over_and_over_are_not_followed_for_ever() {
    // Each of twenty modules holds the one before it twice: a million paths.
    let class = b"c__torch__\nA\n)\x81}(";
    let mut module = [&class[..], &text("w"), &floats(), b"ub"].concat();
    for _ in 0..20 {
        module
            .extend([b"q\x00", &class[..], &text("a"), b"h\x00", &text("b"), b"h\x00ub"].concat());
    }
    let error = refusal(&pickle(&[&module]));
    assert!(error.contains("attributes in all"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// For all bytes: an answer, never a panic.
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
        let _ = read(&[START, &bytes].concat());
    }

    /// For all runs of opcodes that exist: an answer, never a panic.
    #[test]
    fn any_opcodes_are_answered(ops in proptest::collection::vec(0usize..36, 0..60)) {
        let known: [&[u8]; 36] = [
            b"N", b"\x88", b"G12345678", b"K\x02", b"M\x01\x00", b"J\xff\xff\xff\xff", b"\x8a\x01\x05",
            b"X\x01\x00\x00\x00w", b"X\x07\x00\x00\x00storage", b"U\x01w", b"(", b"0", b")", b"\x85",
            b"\x86", b"\x87", b"t", b"]", b"a", b"e", b"}", b"s", b"u", b"q\x00", b"q\x01", b"h\x00",
            b"h\x01", b"ctorch\nFloatStorage\n", REBUILD, ORDERED_DICT, b"c__torch__\nA\n",
            b"ctorch\nSize\n", b"R", b"\x81", b"b", b"Q",
        ];
        let bytes: Vec<u8> = ops.iter().flat_map(|&op| known[op].to_vec()).collect();
        let _ = read(&pickle(&[&bytes]));
    }
}
