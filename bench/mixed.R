# One case of one R library: reads columns written by mixed.py, warms up, measures, prints JSON.
args <- commandArgs(trailingOnly = TRUE)
tool <- args[1]; case <- args[2]; folder <- args[3]; n <- as.integer(args[4])
schools <- as.integer(args[5]); networks <- as.integer(args[6])
suppressMessages({library(Matrix); library(lme4)})
if (tool == "glmmTMB") suppressMessages(library(glmmTMB))
if (tool == "pbkrtest") suppressMessages(library(pbkrtest))
column <- function(name, what = "double") {
  con <- file(file.path(folder, name), "rb"); on.exit(close(con))
  readBin(con, what, n = if (what == "double") n else 1e8, size = if (what == "double") 8 else 4)
}
status <- function(name) {
  line <- grep(paste0("^", name), readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) * 1024 / 1e6
}
read <- function() {
  d <- data.frame(y = column("y"), treat = column("treat"), pre = column("pre"),
                  fem = column("fem"), fsm = column("fsm"))
  d$school <- factor(column("school", "integer")[seq_len(n)], levels = 0:(schools - 1))
  d$network <- if (case == "mm") factor(rep_len(seq_len(networks) - 1, n), levels = 0:(networks - 1))
               else factor(column("network", "integer")[seq_len(n)], levels = 0:(networks - 1))
  d
}
d <- read()
if (case == "mm") {
  W <- sparseMatrix(i = column("mm_school", "integer") + 1, j = column("mm_network", "integer") + 1,
                    x = readBin(file.path(folder, "mm_weight"), "double", 1e8), dims = c(schools, networks))
  tW <- t(W)
}
form <- y ~ treat + pre + fem + fsm + (1 | school) + (1 | network)
lme4_fit <- function(d) {
  if (case != "mm") return(lmer(form, d))
  # Multiple membership: the rows of Zt that belong to the dummy factor are replaced by weights.
  lf <- lFormula(form, d, control = lmerControl(check.nobs.vs.nlev = "ignore"))
  place <- which(names(lf$reTrms$cnms) == "network")
  rows <- (lf$reTrms$Gp[place] + 1):lf$reTrms$Gp[place + 1]
  Z <- tW[, as.integer(d$school), drop = FALSE]
  dimnames(Z) <- dimnames(lf$reTrms$Zt[rows, ])
  lf$reTrms$Zt <- if (place == 2) rbind(lf$reTrms$Zt[-rows, ], Z) else rbind(Z, lf$reTrms$Zt[-rows, ])
  lf$reTrms$Ztlist[[place]] <- Z
  devfun <- do.call(mkLmerDevfun, lf)
  opt <- optimizeLmer(devfun)
  mkMerMod(environment(devfun), opt, lf$reTrms, fr = lf$fr)
}
work <- switch(tool,
  lme4 = function(d) { m <- lme4_fit(d); c(treat = unname(fixef(m)[2]), se = sqrt(vcov(m)[2, 2]),
                                           criterion = REMLcrit(m)) },
  glmmTMB = function(d) { m <- glmmTMB(form, d, REML = TRUE)
    c(treat = unname(fixef(m)$cond[2]), se = sqrt(vcov(m)$cond[2, 2]), criterion = -2 * as.numeric(logLik(m))) },
  pbkrtest = function(d) { m <- lme4_fit(d); Va <- vcovAdj(m); L <- c(0, 1, 0, 0, 0)
    c(treat = unname(fixef(m)[2]), se = sqrt(as.matrix(Va)[2, 2]), criterion = REMLcrit(m),
      df = Lb_ddf(L, vcov(m), Va)) })
warm <- if (case == "mm") d[seq_len(min(n, 2000)), ] else droplevels(d[seq_len(min(n, 1000)), ])
if (tool != "pbkrtest") invisible(suppressMessages(suppressWarnings(work(warm))))
invisible(gc()); before <- status("VmRSS")
taken <- system.time(out <- suppressMessages(suppressWarnings(work(d))))
cat(sprintf('{"cpu": %.4f, "wall": %.4f, "memory": %.1f, "version": "%s", "treat": %.10g, "se": %.10g, "criterion": %.10f, "df": %s}\n',
  taken[["user.self"]] + taken[["sys.self"]], taken[["elapsed"]], status("VmHWM") - before,
  as.character(packageVersion(tool)), out[["treat"]], out[["se"]], out[["criterion"]],
  if ("df" %in% names(out)) sprintf("%.6f", out[["df"]]) else "null"))
