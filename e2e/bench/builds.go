package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// buildCommit makes qwenvoy and qwenvoy.wasm of an earlier commit by that commit's own
// `make build` and returns their folder. They are kept in .cache, by the commit.
func buildCommit(ctx context.Context, revision string) (string, error) {
	commit, err := command(ctx, "git", "rev-parse", "--verify", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("-old: %q is neither a folder with qwenvoy and qwenvoy.wasm nor a commit: %w", revision, err)
	}
	folder, err := filepath.Abs(filepath.Join(".cache", "bench", commit))
	if err != nil {
		return "", err
	}
	if hasBuild(folder) == nil {
		return folder, nil
	}
	progress("building %s", commit)
	tree, err := os.MkdirTemp("", "qwenvoy-bench-old")
	if err != nil {
		return "", err
	}
	if _, err := command(ctx, "git", "worktree", "add", "--detach", "--force", tree, commit); err != nil {
		_ = os.RemoveAll(tree)
		return "", err
	}
	defer func() { _, _ = command(context.Background(), "git", "worktree", "remove", "--force", tree) }()
	if _, err := command(ctx, "make", "-C", tree, "build", "BIN="+folder); err != nil {
		return "", err
	}
	return folder, hasBuild(folder)
}

// hasBuild fails where a folder lacks one of the two programs.
func hasBuild(folder string) error {
	for _, f := range []string{"qwenvoy", "qwenvoy.wasm"} {
		if _, err := os.Stat(filepath.Join(folder, f)); err != nil {
			return err
		}
	}
	return nil
}

func command(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
