//! What holds for every JSON file.

use super::*;
use crate::evidence::testing::{file, problems};

fn numbers(text: &str) -> Parsed<Vec<u8>> {
    let file = file("x.json", text);
    items(&file, |item| item.required("n", item.number("n")?))
}

#[test]
fn what_stands_before_a_fault_loads_and_the_fault_has_its_line() {
    let parsed = numbers("[{\"n\":1},\n{\"n\":2},\n{\"n\":oops},\n{\"n\":4}]");
    assert_eq!(parsed.value, [1, 2]);
    assert_eq!(problems(&parsed), ["x.json:3: not JSON: expected value"]);
    let parsed = numbers("[{\"n\":1},\n{\"n\":");
    assert_eq!(parsed.value, [1]);
    assert_eq!(
        problems(&parsed),
        ["x.json:2: the file ends in the middle of a value; capture it again"]
    );
    let parsed = numbers("[{\"n\":1},\n");
    assert_eq!(parsed.value, [1]);
    assert_eq!(parsed.problems.len(), 1);
    let parsed = numbers("[{\"n\":1} {\"n\":2}]");
    assert_eq!(parsed.value, [1]);
    assert_eq!(problems(&parsed), ["x.json:1: expected `,` or `]`"]);
}

#[test]
fn nothing_printed_is_no_fault_and_more_than_one_document_is() {
    for text in ["", " \n", "[]", "[ ]\n", "[{},{}]"] {
        let parsed = numbers(text);
        assert!(
            parsed.value.is_empty() && parsed.problems.is_empty(),
            "{text:?}"
        );
    }
    let parsed = numbers("[{\"n\":1}]\n[{\"n\":2}]");
    assert_eq!(parsed.value, [1]);
    assert_eq!(
        problems(&parsed),
        ["x.json:2: there is more text after the JSON's end"]
    );
}

#[test]
fn the_wrong_shape_is_a_fault() {
    for (text, problem) in [
        ("{\"n\":1}", "x.json:1: expected an array"),
        (
            "[1]",
            "x.json /0: invalid type: integer `1`, expected an object",
        ),
        ("[{\"n\":[]}]", "x.json /0/n: `[]` is not an integer"),
        ("[{\"n\":256}]", "x.json /0/n: `256` is out of range"),
        ("[{\"n\":1.5}]", "x.json /0/n: `1.5` is not an integer"),
        ("[{\"n\":1e2}]", "x.json /0/n: `1e2` is not an integer"),
        (
            "[{\"n\":\"+1\"}]",
            "x.json /0/n: `\"+1\"` is not an integer",
        ),
        ("[{\"m\":1}]", "x.json /0: `n` is missing"),
    ] {
        let parsed = numbers(text);
        assert!(parsed.value.is_empty(), "{text}");
        assert_eq!(problems(&parsed), [problem]);
    }
}

#[test]
fn numbers_may_be_text_and_hexadecimal() {
    let parsed = numbers(r#"[{"n":7},{"n":"8"},{"n":"0x10"},{"n":" 9 "}]"#);
    assert_eq!(parsed.value, [7, 8, 16, 9]);
}

#[test]
fn flags_have_five_spellings() {
    let file = file(
        "x.json",
        r#"[{"a":true,"b":null,"c":1,"d":"on","e":false,"f":0,"g":"off","h":2}]"#,
    );
    let parsed = items(&file, |item| {
        for key in ["a", "b", "c", "d"] {
            assert!(item.flag(key)?, "{key}");
        }
        for key in ["e", "f", "g", "missing"] {
            assert!(!item.flag(key)?, "{key}");
        }
        item.flag("h")
    });
    assert_eq!(problems(&parsed), ["x.json /0/h: `2` is not a flag"]);
}

#[test]
fn pointers_escape_what_rfc_6901_says() {
    let file = file("x.json", r#"[{"a/b~c":{"n":"x"}}]"#);
    let parsed = items(&file, |item| {
        let inner = item.required("a/b~c", item.object("a/b~c")?)?;
        inner.number::<u8>("n")
    });
    assert_eq!(
        problems(&parsed),
        [r#"x.json /0/a~1b~0c/n: `"x"` is not an integer"#]
    );
}

#[test]
fn of_a_doubled_key_the_first_counts_and_the_second_can_be_had() {
    let file = file("x.json", r#"[{"dst":"a","dst":"b"}]"#);
    let parsed = items(&file, |item| {
        assert_eq!(item.text("dst")?.as_deref(), Some("a"));
        assert_eq!(item.second("dst").unwrap().get(), "\"b\"");
        Ok(())
    });
    assert!(parsed.problems.is_empty());
}
