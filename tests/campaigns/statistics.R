# R's answers to one-sample, Welch's and paired t-tests, effect sizes and Holm's correction, as a table.
# usage: Rscript statistics.R SEED RANDOM_CASES
# A line: kind TAB alternative TAB bound TAB confidence TAB first list TAB second list TAB answers. Lists are separated by
# blanks; every number has 17 digits, so that it is read back as the same double.
arguments <- commandArgs(trailingOnly = TRUE)
set.seed(as.integer(arguments[1]))
count <- as.integer(arguments[2])

written <- function(x) paste(sprintf("%.17g", x), collapse = " ")
line <- function(kind, alternative, bound, confidence, first, second, answers)
  cat(kind, alternative, sprintf("%.17g", bound), sprintf("%.17g", confidence), written(first),
      written(second), written(answers), sep = "\t", fill = FALSE, "\n")

# R gives one-sided intervals with one-sided tests; redflag's are always two-sided.
interval <- function(...) t.test(..., alternative = "two.sided")$conf.int
words <- c(two_sided = "two.sided", greater = "greater", less = "less")

described <- function(x, confidence)
  line("describe", "-", 0, confidence, x, c(), c(mean(x), sd(x), min(x), max(x), interval(x, conf.level = confidence)))

one_sample <- function(x, bound, alternative, confidence) {
  r <- t.test(x, mu = bound, alternative = words[[alternative]], conf.level = confidence)
  ci <- interval(x, mu = bound, conf.level = confidence)
  line("one_sample", alternative, bound, confidence, x, c(),
       c(r$estimate, r$statistic, r$parameter, r$p.value, ci, (mean(x) - bound) / sd(x)))
}

welch <- function(x, y, alternative, confidence) {
  r <- t.test(x, y, alternative = words[[alternative]], conf.level = confidence)
  ci <- interval(x, y, conf.level = confidence)
  df <- length(x) + length(y) - 2
  pooled <- sqrt(((length(x) - 1) * var(x) + (length(y) - 1) * var(y)) / df)
  d <- (mean(x) - mean(y)) / pooled
  g <- d * exp(lgamma(df / 2) - lgamma((df - 1) / 2)) / sqrt(df / 2)
  line("welch", alternative, 0, confidence, x, y,
       c(mean(x) - mean(y), r$statistic, r$parameter, r$p.value, ci, d, g))
}

paired <- function(x, y, alternative, confidence) {
  r <- t.test(x, y, paired = TRUE, alternative = words[[alternative]], conf.level = confidence)
  ci <- interval(x, y, paired = TRUE, conf.level = confidence)
  line("paired", alternative, 0, confidence, x, y,
       c(mean(x - y), r$statistic, r$parameter, r$p.value, ci, mean(x - y) / sd(x - y)))
}

holm <- function(p) line("holm", "-", 0, 0.95, p, c(), p.adjust(p, "holm"))

all_of <- function(x, y, bound, confidence) {
  described(x, confidence)
  for (alternative in names(words)) {
    one_sample(x, bound, alternative, confidence)
    welch(x, y, alternative, confidence)
    if (length(x) == length(y)) paired(x, y, alternative, confidence)
  }
}

# Fixed: seeds of this kind of project, the smallest lists, extremes (R itself gives NaN beyond 1e77: it squares variances).
all_of(c(0.861, 0.872, 0.868), c(0.684, 0.681, 0.690), 0.85, 0.95)
all_of(c(0.912, 0.921), c(0.905, 0.918), 0.90, 0.95)
all_of(c(0.71, 0.66, 0.69, 0.73, 0.7), c(0.53, 0.47, 0.55), 0.65, 0.99)
all_of(c(1e60, 2e60, 4e60), c(-1e60, 5e59, 2e60), 1e60, 0.95)
all_of(c(1e-60, 3e-60, 2.5e-60), c(4e-60, 4.5e-60, 9e-60), 0, 0.9)
all_of(c(1000.1, 1000.2, 1000.4), c(1000.3, 1000.25, 1000.1), 1000, 0.95)
all_of(c(-5, -4.2, -6.1, -5.5), c(-5.2, -4.4, -6.15, -5.9), -5, 0.95)
holm(c(0.01, 0.04, 0.03, 0.005))
holm(c(0.5))
holm(c(0.9, 0.8, 0.7))
holm(c(0, 1, 1e-300, 0.05))

for (i in seq_len(count)) {
  n <- sample(2:12, 1)
  m <- if (runif(1) < 0.6) n else sample(2:12, 1)
  scale <- 10^runif(1, -6, 6)
  x <- rnorm(n, runif(1, -2, 2), 10^runif(1, -3, 1)) * scale
  y <- if (runif(1) < 0.5 && n == m) x + rnorm(n, 0.2, 0.3) * scale else rnorm(m, runif(1, -2, 2), 10^runif(1, -3, 1)) * scale
  all_of(x, y, scale * runif(1, -2, 2), sample(c(0.9, 0.95, 0.99), 1))
  holm(round(runif(sample(1:12, 1))^sample(1:6, 1), sample(c(2, 15), 1)))
}
