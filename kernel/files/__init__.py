"""Files: inodes and paths, open files and descriptors, the file system in memory, pipes and polling."""
