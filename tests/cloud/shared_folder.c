/*
 * Both hosts have the same folder at FOLDER, which libvirt before 10.10 has no way to know: it asks for the kind of file
 * system, and refuses to migrate a guest whose disk is on none that it knows as shared. To the daemon that is started
 * with this, the folder is on NFS while it has a file .shared in it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NFS 0x6969

#define TELL(function, kind)                                                             \
    int function(const char *path, struct kind *told)                                    \
    {                                                                                    \
        int (*real)(const char *, struct kind *) = dlsym(RTLD_NEXT, #function);          \
        int result = real(path, told);                                                   \
        if (result == 0 && strncmp(path, FOLDER, sizeof(FOLDER) - 1) == 0 &&             \
            access(FOLDER "/.shared", F_OK) == 0)                                        \
            told->f_type = NFS;                                                          \
        return result;                                                                   \
    }

TELL(statfs, statfs)
TELL(statfs64, statfs64)
