//! Fair scheduling of CPU time between runs.

mod cpu_scheduler;

pub(super) use cpu_scheduler::{CpuBudget, CpuBudgets, CpuScheduler, cost};
