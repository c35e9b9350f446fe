//! Names out of files, fit for a message.

/// Names listed in a message before it says "and so many more".
const NAMES_SHOWN: usize = 10;
/// Characters of a name that a message shows.
const CHARACTERS_SHOWN: usize = 80;

/// A name as a file has it, cut to a readable length, control characters escaped: it goes to a
/// terminal, and its author may be anyone.
pub(super) fn clipped(name: &str) -> String {
    clipped_to(CHARACTERS_SHOWN, name)
}

/// The same for a text that may be longer.
pub(super) fn clipped_to(characters: usize, text: &str) -> String {
    let mut shown = String::new();
    for (index, character) in text.chars().enumerate() {
        match character {
            _ if index == characters => {
                shown.push_str("...");
                break;
            }
            // Harmless, and escaping them would only make a command line hard to read.
            '\'' | '"' | '\\' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    shown
}

/// The first names, and how many more there are.
pub(super) fn list(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(NAMES_SHOWN).map(|name| clipped(name)).collect();
    match names.len().checked_sub(NAMES_SHOWN) {
        Some(more @ 1..) => format!("{} and {more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_drive_the_terminal_nor_fill_it() {
        assert_eq!(clipped("conv1.weight"), "conv1.weight");
        assert_eq!(clipped("it's \"C:\\\\x\""), "it's \"C:\\\\x\"");
        assert_eq!(clipped("\u{1b}[2J\n"), "\\u{1b}[2J\\n");
        assert_eq!(clipped(&"x".repeat(1000)).len(), CHARACTERS_SHOWN + 3);
    }

    #[test]
    fn a_long_list_ends_with_a_count() {
        assert_eq!(list(&["a", "b"]), "a, b");
        assert_eq!(list(&["a"; 10]).matches('a').count(), 10);
        assert!(list(&["x"; 12]).ends_with("x and 2 more"));
    }
}
