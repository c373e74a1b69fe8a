# lme4, lmerTest and pbkrtest on published teaching sets (mlmRev) and on one simulated design with
# multiple membership. Reads memberships.csv and pupils.csv from the folder given, writes the teaching
# sets there as CSV and prints "name value" lines. Run by mixed.py.
folder <- commandArgs(trailingOnly = TRUE)[1]
suppressMessages({library(Matrix); library(lme4); library(lmerTest); library(pbkrtest); library(mlmRev)})
say <- function(name, values) cat(sprintf("%s %s\n", name, paste(sprintf("%.12g", values), collapse = " ")))
variances <- function(m) { v <- as.data.frame(VarCorr(m)); v$vcov[order(is.na(v$var1), v$grp)] }
for (name in c("ScotsSec", "Exam")) write.csv(get(name), file.path(folder, paste0(name, ".csv")), row.names = FALSE)
write.csv(Chem97[c("lea", "school", "score", "gcsecnt")], file.path(folder, "Chem97.csv"), row.names = FALSE)
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10))
report <- function(name, m) {
  say(paste0(name, ".criterion"), if (isREML(m)) REMLcrit(m) else -2 * as.numeric(logLik(m)))
  say(paste0(name, ".beta"), fixef(m)); say(paste0(name, ".se"), sqrt(diag(as.matrix(vcov(m)))))
}
m <- lmer(attain ~ sex + (1 | primary) + (1 | second), ScotsSec, control = tight)
report("scots", m); say("scots.df", summary(m)$coefficients[, "df"]); say("scots.variances", as.data.frame(VarCorr(m))$vcov)
m <- lmer(attain ~ 1 + (1 | primary) + (1 | second), ScotsSec, control = tight)
report("scots-mean", m); say("scots-mean.variances", as.data.frame(VarCorr(m))$vcov)
say("scots-mean.df", summary(m)$coefficients[, "df"])
m <- lmer(attain ~ sex + (1 | primary) + (1 | second), ScotsSec, REML = FALSE, control = tight)
report("scots-ml", m); say("scots-ml.variances", as.data.frame(VarCorr(m))$vcov)
m <- lmer(attain ~ verbal + sex + social + (1 | primary) + (1 | second), ScotsSec, control = tight)
report("scots-all", m); say("scots-all.variances", as.data.frame(VarCorr(m))$vcov)
m <- lmer(score ~ gcsecnt + (1 | lea) + (1 | school), Chem97, control = tight)
report("chem", m); say("chem.variances", as.data.frame(VarCorr(m))$vcov)
m <- lmer(normexam ~ standLRT + (1 + standLRT | school), Exam, REML = FALSE, control = tight)
report("exam", m); v <- VarCorr(m)$school; say("exam.variances", c(v[1, 1], v[1, 2], v[2, 2], sigma(m)^2))
u <- ranef(m, condVar = TRUE)$school
say("exam.u", c(u[1, 1], u[1, 2]))
m <- lmer(normexam ~ standLRT + (1 | school), Exam, REML = FALSE, control = tight)
ci <- suppressMessages(confint(m, oldNames = FALSE)); say("exam.profile", as.vector(t(ci)))

# Multiple membership: the rows of Zt of a dummy factor are replaced by the weights.
d <- read.csv(file.path(folder, "pupils.csv")); w <- read.csv(file.path(folder, "memberships.csv"))
schools <- max(d$school) + 1; networks <- max(w$network) + 1
W <- sparseMatrix(i = w$network + 1, j = w$school + 1, x = w$weight, dims = c(networks, schools))
d$s <- factor(d$school); d$net <- factor(rep_len(seq_len(networks), nrow(d)))
for (weighted in c(FALSE, TRUE)) {
  name <- if (weighted) "weighted" else "mm"
  lf <- if (weighted) lFormula(y ~ treat + x + (1 | s) + (1 | net), d, weights = w, control = tight)
        else lFormula(y ~ treat + x + (1 | s) + (1 | net), d, control = tight)
  place <- which(names(lf$reTrms$cnms) == "net")
  rows <- (lf$reTrms$Gp[place] + 1):lf$reTrms$Gp[place + 1]
  Z <- W[, d$school + 1]; dimnames(Z) <- dimnames(lf$reTrms$Zt[rows, ])
  lf$reTrms$Zt <- rbind(lf$reTrms$Zt[-rows, ], Z); lf$reTrms$Ztlist[[place]] <- Z
  stopifnot(place == 2)
  devfun <- do.call(mkLmerDevfun, lf)
  opt <- optimizeLmer(devfun, optimizer = "bobyqa", control = list(rhoend = 1e-10))
  m <- mkMerMod(environment(devfun), opt, lf$reTrms, fr = lf$fr)
  say(paste0(name, ".criterion"), REMLcrit(m)); say(paste0(name, ".beta"), fixef(m))
  say(paste0(name, ".se"), sqrt(diag(as.matrix(vcov(m)))))
  say(paste0(name, ".variances"), as.data.frame(VarCorr(m))$vcov)
  say(paste0(name, ".u"), c(ranef(m)$s[1, 1], ranef(m)$net[1, 1]))
  if (!weighted) {
    Va <- vcovAdj(m)
    say("mm.kr_se", sqrt(diag(as.matrix(Va))))
    say("mm.kr_df", sapply(1:3, function(j) Lb_ddf(diag(3)[j, ], vcov(m), Va)))
    L <- diag(3)[2:3, ]; attr(L, "dimnames") <- NULL
    V0 <- as.matrix(vcov(m)); b <- fixef(m)
    say("mm.kr_joint_df", ddf_Lb <- Lb_ddf(L, vcov(m), Va))
    W2 <- attr(Va, "W"); say("mm.se_components", sqrt(diag(as.matrix(W2))))
  }
}

# Employees of several firms at once, with nothing but memberships random (as the MLwiN manual's wage1).
d <- read.csv(file.path(folder, "staff.csv")); w <- read.csv(file.path(folder, "jobs.csv"))
firms <- max(w$firm) + 1
Z <- sparseMatrix(i = w$firm + 1, j = w$person + 1, x = w$weight, dims = c(firms, nrow(d)))
d$firm <- factor(rep_len(seq_len(firms), nrow(d)))
lf <- lFormula(y ~ age + sex + part + (1 | firm), d, control = tight)
dimnames(Z) <- dimnames(lf$reTrms$Zt); lf$reTrms$Zt <- Z; lf$reTrms$Ztlist[[1]] <- Z
devfun <- do.call(mkLmerDevfun, lf)
opt <- optimizeLmer(devfun, optimizer = "bobyqa", control = list(rhoend = 1e-10))
m <- mkMerMod(environment(devfun), opt, lf$reTrms, fr = lf$fr)
report("staff", m); say("staff.variances", as.data.frame(VarCorr(m))$vcov)
Va <- vcovAdj(m)
say("staff.kr_se", sqrt(diag(as.matrix(Va))))
say("staff.kr_df", sapply(1:4, function(j) Lb_ddf(diag(4)[j, ], vcov(m), Va)))
say("staff.se_components", sqrt(diag(as.matrix(attr(Va, "W")))))

# A trial of 22 schools (as crtData of eefAnalytics): treatment by school, few degrees of freedom.
d <- read.csv(file.path(folder, "trial.csv")); d$s <- factor(d$school)
m <- lmer(y ~ treat + pre + (1 | s), d, control = tight)
report("trial", m); say("trial.variances", as.data.frame(VarCorr(m))$vcov)
say("trial.df", summary(m)$coefficients[, "df"])
Va <- vcovAdj(m)
say("trial.kr_se", sqrt(diag(as.matrix(Va))))
say("trial.kr_df", sapply(1:3, function(j) Lb_ddf(diag(3)[j, ], vcov(m), Va)))
ci <- suppressMessages(confint(m, oldNames = FALSE)); say("trial.profile", as.vector(t(ci)))

# A trial within 54 schools (as mstData): treatment varies by school, once inside and once on the boundary.
for (name in c("sites", "edge")) {
  d <- read.csv(file.path(folder, paste0(name, ".csv"))); d$s <- factor(d$school)
  m <- suppressMessages(lmer(y ~ treat + pre + (1 + treat | s), d, control = tight))
  report(name, m); v <- VarCorr(m)$s; say(paste0(name, ".components"), c(v[1, 1], v[1, 2], v[2, 2], sigma(m)^2))
  if (name == "sites") {
    Va <- vcovAdj(m)
    say("sites.kr_se", sqrt(diag(as.matrix(Va))))
    say("sites.kr_df", sapply(1:3, function(j) Lb_ddf(diag(3)[j, ], vcov(m), Va)))
  } else say("edge.singular", isSingular(m))
}
