//! Who computes when many runs want to.

mod cpu_scheduler;

pub(super) use cpu_scheduler::{CpuBudget, CpuBudgets, CpuScheduler, cost};
