use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::keys::day;
use super::{Catalogue, MachineType, Pricing, Span};
use crate::error::Error;

/// Every key that a machine needs.
const WHOLE: &str = r#"
[[machine]]
name = "a"
provider = "gcp"
vcpus = 4
physical_cores = 2
memory_gib = 8
cpu = "A chip"
clock_ghz = 3.4
isa = "avx2"
price = { usd_per_hour = 0.2, region = "here", date = "2026-07-13", source = "a page" }
provision_s = { typical = 60, low = 30, high = 120 }
start_s = { typical = 20.5, low = 0, high = 20.5 }
"#;

fn parse(text: &str) -> Catalogue {
    Catalogue::parse(text, "a.toml", &Catalogue::default()).unwrap()
}

fn refusal(text: &str, base: &Catalogue) -> String {
    let error = Catalogue::parse(text, "a.toml", base).unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    error.to_string()
}

/// The whole machine with a line of it replaced, or left out where `line` is empty.
fn changed(key: &str, line: &str) -> String {
    let mut found = 0;
    let lines = WHOLE.lines().map(|old| {
        let hit = old.starts_with(key) && old[key.len()..].starts_with(" =");
        found += usize::from(hit);
        if hit { line } else { old }
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    assert_eq!(found, 1, "{key}");
    text
}

fn after(date: &str, days: u64) -> SystemTime {
    day(date).unwrap() + Duration::from_secs(days * 24 * 3_600)
}

#[test]
fn a_machine_is_read_with_every_key() {
    let gpu = "gpu = { model = \"G\", count = 2, memory_gib = 16, fp32_tflops = 8.1, \
               memory_gb_per_s = 320, link_gb_per_s = 15.75 }\nwatts = 300\n";
    let machine = parse(&format!("{WHOLE}{gpu}")).machines.remove(0);
    assert_eq!((machine.vcpus, machine.physical_cores), (4, 2));
    assert_eq!((machine.memory_gib, machine.clock_ghz), (8.0, 3.4));
    assert_eq!((machine.cpu.as_str(), machine.isa.as_str()), ("A chip", "avx2"));
    assert_eq!((machine.name.as_str(), machine.provider.as_str()), ("a", "gcp"));
    assert_eq!(machine.provision_s, Span { typical: 60.0, low: 30.0, high: 120.0 });
    assert_eq!(machine.start_s, Span { typical: 20.5, low: 0.0, high: 20.5 });
    assert_eq!(machine.watts, Some(300.0));
    let gpu = machine.gpu.as_ref().unwrap();
    assert_eq!((gpu.model.as_str(), gpu.count, gpu.memory_gib), ("G", 2, 16.0));
    let figures = (gpu.fp32_tflops, gpu.memory_gb_per_s, gpu.link_gb_per_s);
    assert_eq!(figures, (8.1, 320.0, 15.75));
    let Pricing::Hourly { region, date, source, .. } = &machine.price else { panic!() };
    assert_eq!((region.as_str(), date.as_str(), source.as_str()), ("here", "2026-07-13", "a page"));
    assert_eq!(machine.usd_per_hour(), 0.2);
}

#[test]
fn an_owned_machine_costs_its_purchase_and_its_power() {
    let owned = "owned = { purchase_usd = 8766, years = 2, watts = 500, usd_per_kwh = 0.3, date = \
                 2026-01-31 }";
    let machine = parse(&changed("price", owned)).machines.remove(0);
    // 8,766 USD over 2 x 8,766 hours are 0.5 an hour; half a kilowatt at 0.3 is 0.15.
    assert!((machine.usd_per_hour() - 0.65).abs() < 1e-12, "{}", machine.usd_per_hour());
    assert!(matches!(machine.price, Pricing::Owned { date, .. } if date == "2026-01-31"));
}

#[test]
fn a_price_is_old_after_six_months() {
    let machine = parse(WHOLE).machines.remove(0);
    for (days, old) in [(0, false), (1, false), (183, false), (184, true), (4_000, true)] {
        assert_eq!(machine.price_is_old(after("2026-07-13", days)), old, "{days} days");
    }
    // A clock that runs behind makes nothing old.
    assert!(!machine.price_is_old(SystemTime::UNIX_EPOCH));
}

#[test]
fn a_figure_that_cannot_be_meant_is_refused_with_its_key_and_what_to_write() {
    let span = |inner: &str| format!("start_s = {{ {inner} }}");
    let price = |inner: &str| format!("price = {{ {inner} }}");
    let dated = |date: &str| {
        price(&format!("usd_per_hour = 1, region = \"r\", date = {date}, source = \"s\""))
    };
    for (key, line, says) in [
        ("vcpus", "vcpus = 0".into(), "`vcpus`: 0 is not from 1 to 1000000; write vcpus = 4"),
        ("vcpus", "vcpus = -4".into(), "`vcpus`: -4 is not from"),
        ("vcpus", "vcpus = 4.0".into(), "`vcpus`: 4.0 is not a whole number; write vcpus = 4"),
        ("vcpus", "vcpus = \"4\"".into(), "`vcpus`: \"4\" is not a whole number"),
        ("vcpus", String::new(), "`vcpus`: is missing; write vcpus = 4"),
        ("physical_cores", "physical_cores = 5".into(), "`physical_cores`: 5 cores are more than"),
        ("memory_gib", "memory_gib = nan".into(), "`memory_gib`: NaN is not a number above 0"),
        ("memory_gib", "memory_gib = inf".into(), "`memory_gib`: inf is not a number above 0"),
        ("clock_ghz", "clock_ghz = -3.4".into(), "`clock_ghz`: -3.4 is not a number above 0"),
        ("clock_ghz", "clock_ghz = 1e-300".into(), "is not a number above 0, from 1e-9 to 1e12; w"),
        ("clock_ghz", "clock_ghz = 0".into(), "`clock_ghz`: 0 is not a number above 0"),
        ("clock_ghz", "clock_ghz = \"3\"".into(), "`clock_ghz`: \"3\" is not a number; write"),
        ("isa", "isa = \"sse\"".into(), "`isa`: \"sse\" is not one of avx2, avx512, neon; write"),
        ("provider", "provider = \"aws\"".into(), "`provider`: \"aws\" is not one of"),
        ("cpu", "cpu = \" \"".into(), "`cpu`: is empty; write cpu = "),
        ("cpu", "cpu = \"a\\u001b[2J\"".into(), "`cpu`: has control characters"),
        ("cpu", "cpu = 7".into(), "`cpu`: 7 is not a text"),
        ("start_s", "start_s = 20".into(), "`start_s`: 20 is not a table; write start_s = { typ"),
        (
            "start_s",
            span("typical = 1, low = 2, high = 3"),
            "`start_s.low`: 2 is more than the 1 of `typical`; write low = 30",
        ),
        (
            "start_s",
            span("typical = 4, low = 2, high = 3"),
            "`start_s.high`: 3 is less than the 4 of `typical`",
        ),
        ("start_s", span("typical = 4, low = 2"), "`start_s.high`: is missing; write high = 120"),
        (
            "start_s",
            span("typical = 1, low = -1, high = 2"),
            "`start_s.low`: -1 is not a number from 0",
        ),
        (
            "start_s",
            span("typical = 1, low = 1, high = 1, most = 2"),
            "`start_s.most`: is not a key; there are typical, low, high",
        ),
        ("price", String::new(), "`price`: is missing; write price = { usd_per_hour = 0.17"),
        ("price", price("usd_per_hour = 1"), "`price.region`: is missing; write region"),
        (
            "price",
            dated("\"2026-02-30\""),
            "`price.date`: \"2026-02-30\" is not a day that there is",
        ),
        ("price", dated("\"2026-13-01\""), "\"2026-13-01\" is not a day that there is; write date"),
        ("price", dated("\"July 2026\""), "\"July 2026\" is not a day that there is"),
        ("price", dated("\"2026-7-3\""), "\"2026-7-3\" is not a day"),
        ("price", dated("2026-07-13T10:00:00Z"), "is not a day that there is"),
        ("price", dated("2026"), "`price.date`: 2026 is not a date"),
    ] {
        let said = refusal(&changed(key, &line), &Catalogue::default());
        assert!(said.starts_with("a.toml, machine `a`, "), "{said}");
        assert!(said.contains(says), "{line}: {said}");
    }
    let owned = "owned = { purchase_usd = 1, years = 0, watts = 1, usd_per_kwh = 0, date = \
                 \"2026-01-31\" }";
    let says = |text: &str| refusal(text, &Catalogue::default());
    assert!(says(&changed("price", owned)).contains("`owned.years`: 0 is not a number above 0"));
    let both = says(&format!("{WHOLE}{owned}"));
    assert!(both.contains("`owned`: does not go with `price`"), "{both}");
}

#[test]
fn a_key_that_is_not_known_is_refused_with_the_one_that_may_be_meant() {
    let said = refusal(&format!("{WHOLE}memory_gb = 8\n"), &Catalogue::default());
    let meant = "a.toml, machine `a`, `memory_gb`: is not a key; write `memory_gib` if that is meant; \
                 there are name, like, provider, vcpus";
    assert!(said.starts_with(meant), "{said}");
    let said = refusal(&format!("{WHOLE}colour = 8\n"), &Catalogue::default());
    assert!(said.contains("`colour`: is not a key; there are name"), "{said}");
}

#[test]
fn a_file_that_is_no_list_of_machines_is_refused_with_its_place() {
    for (text, says) in [
        ("x = 1\n[[machine]\n", "a.toml, line 2: "),
        ("[machine]\nname = \"a\"\n", "a.toml, `machine`: is not a list of machines; write [[mach"),
        ("machine = 3\n", "a.toml, `machine`: is not a list of machines"),
        ("machine = [3]\n", "a.toml, machine 1: 3 is not a machine; write [[machine]] above"),
        ("[[machines]]\nname = \"a\"\n", "a.toml, `machines`: is not a list of machines; write"),
        ("[[machine]]\nvcpus = 3\n", "a.toml, machine 1, which has no name, `name`: is missing"),
        ("[[machine]]\nname = 3\n", "machine 1, which has no name, `name`: 3 is not a text"),
    ] {
        let said = refusal(text, &Catalogue::default());
        assert!(said.contains(says), "{text}: {said}");
    }
    let said = refusal(&format!("version = 1\n{WHOLE}"), &Catalogue::default());
    assert!(said.contains("`version`: belongs to no machine; write it below"), "{said}");
    let said = refusal(&format!("{WHOLE}{WHOLE}"), &Catalogue::default());
    assert_eq!(said, "a.toml, machine `a`: is there twice; leave one of the two out");
    assert_eq!(parse(""), Catalogue::default());
}

#[test]
fn a_shipped_machine_keeps_what_a_users_entry_leaves_out() {
    let shipped = Catalogue::shipped().unwrap();
    let before = shipped.find("ml.c5.xlarge").unwrap().clone();
    let text =
        "[[machine]]\nname = \"ml.c5.xlarge\"\nstart_s = { typical = 60, low = 50, high = 90 }\n";
    let own = Catalogue::parse(text, "a.toml", &shipped).unwrap();
    let start_s = Span { typical: 60.0, low: 50.0, high: 90.0 };
    let expected = MachineType { start_s, ..before };
    assert_eq!(own.machines.len(), 1);
    assert_eq!(own.find("ml.c5.xlarge"), Some(&expected));
    let all = shipped.clone().with(own);
    assert_eq!(all.find("ml.c5.xlarge"), Some(&expected));
    assert_eq!(all.machines.len(), shipped.machines.len());
}

#[test]
fn a_rented_machine_may_turn_into_an_owned_one() {
    let owned = "[[machine]]\nname = \"a\"\nowned = { purchase_usd = 8766, years = 1, watts = 1, \
                 usd_per_kwh = 0, date = \"2026-01-31\" }";
    let own = Catalogue::parse(owned, "a.toml", &parse(WHOLE)).unwrap();
    assert_eq!(own.machines[0].usd_per_hour(), 1.0);
    assert_eq!(own.machines[0].vcpus, 4);
}

#[test]
fn a_machine_like_another_has_all_of_it_but_its_price() {
    let shipped = Catalogue::shipped().unwrap();
    let like = "[[machine]]\nname = \"b\"\nlike = \"ml.g5.xlarge\"\nvcpus = 8\n";
    let said = refusal(like, &shipped);
    assert!(said.starts_with("a.toml, machine `b`, `price`: is missing"), "{said}");
    let price =
        "price = { usd_per_hour = 9, region = \"r\", date = \"2026-01-31\", source = \"s\" }";
    let machine = Catalogue::parse(&format!("{like}{price}"), "a.toml", &shipped).unwrap();
    let other = shipped.find("ml.g5.xlarge").unwrap();
    let machine = &machine.machines[0];
    assert_eq!((machine.vcpus, machine.usd_per_hour()), (8, 9.0));
    assert_eq!((&machine.gpu, &machine.start_s), (&other.gpu, &other.start_s));
    // It may be one that comes before it in its own file.
    let text = format!("{WHOLE}[[machine]]\nname = \"b\"\nlike = \"a\"\n{price}\n");
    assert_eq!(parse(&text).machines[1].cpu, "A chip");
    let said = refusal("[[machine]]\nname = \"b\"\nlike = \"ml.g5.xlrage\"\n", &shipped);
    let says = "`like`: \"ml.g5.xlrage\" is not a machine that is there; `ml.g5.xlarge` is; write";
    assert!(said.contains(says), "{said}");
}

#[test]
fn a_shipped_name_that_is_misspelt_is_told() {
    let text = "[[machine]]\nname = \"ml.c5.xlarg\"\nvcpus = 8\n";
    let said = refusal(text, &Catalogue::shipped().unwrap());
    assert!(said.contains("or name the machine `ml.c5.xlarge`, whose keys may be left"), "{said}");
}

#[test]
fn files_count_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let first = write("first.toml", WHOLE);
    let second = write("second.toml", "[[machine]]\nname = \"a\"\nvcpus = 6\n");
    let all = Catalogue::of(&[first.clone(), second.clone()]).unwrap();
    let machine = all.machines.last().unwrap();
    assert_eq!((machine.vcpus, machine.physical_cores), (6, 2));
    assert_eq!(all.machines.len(), Catalogue::shipped().unwrap().machines.len() + 1);
    // By itself the second says too little.
    let error = Catalogue::read(&second).unwrap_err().to_string();
    assert!(error.contains("second.toml, machine `a`, `provider`: is missing"), "{error}");
    assert_eq!(Catalogue::read(&first).unwrap().machines.len(), 1);
    let none = Catalogue::read(&folder.path().join("none.toml")).unwrap_err();
    assert!(none.to_string().starts_with("cannot read "), "{none}");
}

#[test]
fn the_shipped_catalogue_holds_what_people_choose_among() {
    let shipped = Catalogue::shipped().unwrap();
    for family in ["c5", "c6i", "c7i", "m5", "m6i", "g4dn", "g5", "g6"] {
        for prefix in ["", "ml."] {
            let family = format!("{prefix}{family}.");
            let sizes = shipped.machines.iter().filter(|m| m.name.starts_with(&family)).count();
            assert!(sizes >= 3, "{family} {sizes}");
        }
    }
    for name in ["p4d.24xlarge", "p5.48xlarge", "n2-standard-8", "Standard_NC4as_T4_v3"] {
        assert!(shipped.find(name).is_some(), "{name}");
    }
    for machine in &shipped.machines {
        let name = machine.name.as_str();
        assert_eq!(name.starts_with("ml."), machine.provider == "aws-sagemaker", "{name}");
        let Pricing::Hourly { region, source, .. } = &machine.price else { panic!("{name}") };
        assert!(!region.is_empty() && source.len() > 10, "{name}");
        // Threads come in pairs but on the one whose provider says otherwise.
        let threads = if name == "Standard_NC4as_T4_v3" { 1 } else { 2 };
        assert_eq!(machine.vcpus, threads * machine.physical_cores, "{name}");
        // A GPU machine has one of the families that have them.
        let gpus = ["g4dn", "g5", "g6", "p4d", "p5", "g2-", "NC"];
        assert_eq!(machine.gpu.is_some(), gpus.iter().any(|gpu| name.contains(gpu)), "{name}");
    }
}

/// Where SageMaker's rate for a machine is not one of EC2's times a factor that it is known to ask,
/// one of the two was mistyped.
#[test]
fn sagemakers_prices_follow_those_of_ec2() {
    let shipped = Catalogue::shipped().unwrap();
    let mut pairs = 0;
    for machine in &shipped.machines {
        let Some(ec2) = machine.name.strip_prefix("ml.").and_then(|name| shipped.find(name)) else {
            continue;
        };
        let ratio = machine.usd_per_hour() / ec2.usd_per_hour();
        let near = [1.2, 1.25, 1.4].iter().any(|known| (ratio / known - 1.0).abs() < 0.005);
        assert!(near, "{}: {ratio}", machine.name);
        let same = |of: fn(&MachineType) -> String| assert_eq!(of(machine), of(ec2));
        same(|m| format!("{} {} {} {:?}", m.vcpus, m.memory_gib, m.isa, m.gpu));
        pairs += 1;
    }
    assert!(pairs > 30, "{pairs}");
}

/// The header of the shipped file is the manual: it names every key, and its example is one.
#[test]
fn the_manual_names_every_key_and_its_example_is_read() {
    let text = include_str!("../../../configs/instances.toml");
    let manual: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
    let said = refusal(&format!("{WHOLE}zzz = 1\n"), &Catalogue::default());
    let (_, keys) = said.split_once("there are ").unwrap();
    for key in keys.split(", ").chain(["typical", "low", "high", "usd_per_hour", "region"]) {
        assert!(manual.iter().any(|line| line.contains(key)), "{key}");
    }
    let example: Vec<&str> = manual
        .iter()
        .skip_while(|line| !line.starts_with("#   [[machine]]"))
        .take_while(|line| line.starts_with("#   "))
        .map(|line| &line[4..])
        .collect();
    let machine = parse(&example.join("\n")).machines.remove(0);
    assert_eq!(machine.provider, "owned");
    assert!(machine.usd_per_hour() > 0.2 && machine.gpu.is_some());
}

/// Catalogues of machines out of a few names, each told apart by its vCPUs.
fn catalogues() -> impl Strategy<Value = Catalogue> {
    let name = prop::sample::select(vec!["a", "b", "c", "d", "e"]);
    prop::collection::vec((name, 2usize..100), 0..6).prop_map(|pairs| {
        let whole = parse(WHOLE).machines.remove(0);
        pairs.into_iter().fold(Catalogue::default(), |all, (name, vcpus)| {
            let machine = MachineType { name: name.into(), vcpus, ..whole.clone() };
            all.with(Catalogue { machines: vec![machine] })
        })
    })
}

fn names(catalogue: &Catalogue) -> Vec<&str> {
    catalogue.machines.iter().map(|machine| machine.name.as_str()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn overriding_twice_is_overriding_once(a in catalogues(), b in catalogues()) {
        let once = a.with(b.clone());
        prop_assert_eq!(once.clone().with(b), once);
    }

    #[test]
    fn what_is_merged_in_wins_and_the_order_is_kept(a in catalogues(), b in catalogues()) {
        let all = a.clone().with(b.clone());
        for machine in &all.machines {
            let own = b.find(&machine.name).or_else(|| a.find(&machine.name));
            prop_assert_eq!(own, Some(machine));
        }
        let mut expected = names(&a);
        expected.extend(names(&b).into_iter().filter(|name| a.find(name).is_none()));
        prop_assert_eq!(names(&all), expected);
    }

    #[test]
    fn merging_is_associative(a in catalogues(), b in catalogues(), c in catalogues()) {
        let left = a.clone().with(b.clone()).with(c.clone());
        prop_assert_eq!(left, a.with(b.with(c)));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(\\[\\[machine\\]\\]|name|price|=|\\{|\\}|\"|\n|[a-z0-9 .-]){0,60}") {
        let _ = Catalogue::parse(&text, "a.toml", &Catalogue::default());
    }

    #[test]
    fn any_figure_that_is_read_is_positive_and_finite(figure in any::<f64>()) {
        let text = changed("clock_ghz", &format!("clock_ghz = {figure:?}"));
        if let Ok(all) = Catalogue::parse(&text, "a.toml", &Catalogue::default()) {
            let clock = all.machines[0].clock_ghz;
            prop_assert!(clock.is_finite() && clock > 0.0);
        }
    }
}
