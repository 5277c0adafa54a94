//! exp, log and their kin.
