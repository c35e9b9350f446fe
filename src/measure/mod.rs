//! Histograms, medians with intervals, steady state, verdicts, and facts about the machine.
