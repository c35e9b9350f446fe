//! Catalogues: any text is read or refused, over the shipped one and over none; what is read has
//! distinct names and figures that can be reckoned with, and is what merging it in gives.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use plimsoll::config::catalogue::Catalogue;

fn shipped() -> &'static Catalogue {
    static SHIPPED: OnceLock<Catalogue> = OnceLock::new();
    SHIPPED.get_or_init(|| Catalogue::shipped().expect("the shipped catalogue is sound"))
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let none = Catalogue::default();
    if let Ok(read) = Catalogue::parse(text, "fuzz", &none) {
        assert_eq!(none.with(read.clone()), read);
        hold(&read);
    }
    let Ok(read) = Catalogue::parse(text, "fuzz", shipped()) else { return };
    hold(&read);
    let once = shipped().clone().with(read.clone());
    hold(&once);
    assert_eq!(once.clone().with(read), once);
});

/// What holds of every catalogue.
fn hold(catalogue: &Catalogue) {
    for machine in &catalogue.machines {
        assert_eq!(catalogue.find(&machine.name), Some(machine));
        assert!(machine.usd_per_hour() > 0.0 && machine.usd_per_hour().is_finite());
        assert!(machine.physical_cores > 0 && machine.vcpus >= machine.physical_cores);
        assert!(machine.clock_ghz > 0.0 && machine.memory_gib > 0.0);
        for span in [machine.provision_s, machine.start_s] {
            assert!(0.0 <= span.low && span.low <= span.typical && span.typical <= span.high);
            assert!(span.high.is_finite());
        }
    }
}
